"""The metrics that TF Serving exports, and the queries that alerts, dashboard and autoscaler make of them.

There is no version and no label among their dimensions: of two versions on one server nobody can say here which one fails. The
client can. Latencies are in microseconds, of successful calls only, in buckets that grow by 1.8, so quantiles are coarse.
"""

from __future__ import annotations

from serving.fleet.description import Fleet

PREFIX = ":tensorflow:serving:"
# name -> (type, its own labels)
EXPORTED = {
    f"{PREFIX}request_count": ("counter", ("model_name", "status")),
    f"{PREFIX}request_latency": ("histogram", ("model_name", "API", "entrypoint")),
    f"{PREFIX}runtime_latency": ("histogram", ("model_name", "API", "runtime")),
    f"{PREFIX}model_warmup_latency": ("histogram", ("model_path", "status")),
    f"{PREFIX}model_warmup_records_read": ("counter", ("model_path", "status")),
    f"{PREFIX}batching_session:queuing_latency": ("histogram", ("thread_pool_name",)),
    f"{PREFIX}batching_session:wrapped_run_count": ("counter", ()),
}
# What Prometheus itself knows of a target.
OF_PROMETHEUS: dict[str, tuple[str, tuple[str, ...]]] = {"up": ("gauge", ())}
WINDOW = "5m"


def series() -> dict[str, tuple[str, ...]]:
    """Names as they can be queried, with their labels: a histogram has three."""
    result = {name: labels for name, (_, labels) in OF_PROMETHEUS.items()}
    for name, (kind, labels) in EXPORTED.items():
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            result[name + suffix] = (*labels, *(("le",) if suffix == "_bucket" else ()))
    return result


def of(fleet: Fleet, name: str, *conditions: str) -> str:
    """A selector of the fleet's series."""
    where = ", ".join([f'namespace="{fleet.namespace}"', f'job="{fleet.name}"', *conditions])
    return f"{name if name in OF_PROMETHEUS else PREFIX + name}{{{where}}}"


def calls(fleet: Fleet, by: str = "", *conditions: str) -> str:
    """Calls a second."""
    return _sum(f"rate({of(fleet, 'request_count', *conditions)}[{WINDOW}])", by)


def error_ratio(fleet: Fleet, by: str = "") -> str:
    """Share of failed calls; a status that never occurred has no series, and without the zero there would be no value."""
    failed = calls(fleet, by, 'status!="OK"')
    return f"{failed} / {calls(fleet, by)}" if by else f"({failed} or vector(0)) / {calls(fleet)}"


def quantile_ms(fleet: Fleet, name: str, quantile: float, by: str = "") -> str:
    """A quantile of a latency, in milliseconds."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate({of(fleet, name + '_bucket')}[{WINDOW}]))) / 1000"


def queueing_ms(fleet: Fleet) -> str:
    """Mean time that a request waited for its batch."""
    total, count = (
        f"sum(rate({of(fleet, f'batching_session:queuing_latency_{part}')}[{WINDOW}]))" for part in ("sum", "count")
    )
    return f"{total} / {count} / 1000"


def _sum(query: str, by: str) -> str:
    return f"sum by ({by}) ({query})" if by else f"sum({query})"
