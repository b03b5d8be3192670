"""The metrics that alerts, dashboard and autoscaler ask for, by ModelServer's names: calls and their latency."""

from __future__ import annotations

import bisect
import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from contextlib import contextmanager

from serving.server.faults import fault_of

_PREFIX = ":tensorflow:serving:"
# Microseconds; ModelServer's own.
_BOUNDS = [10 * 1.8**step for step in range(33)]


class Metrics:
    """`request_count` by model and status, `request_latency` of successful calls by model, in Prometheus' text form.

    As in ModelServer neither knows a version; `zoo_client_…` of the client's do.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._latency: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(_BOUNDS) + 1))
        self._sums: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def call(self, model: str, entrypoint: str) -> Generator[None, None, None]:
        """A block around a call of Predict; its error goes through.

        Args:
            model: that was asked for.
            entrypoint: `GRPC` or `REST`.
        """
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            self._count(model, fault_of(error).code.name)
            raise
        took = round(1e6 * (time.perf_counter() - started))
        with self._lock:
            self._latency[model, entrypoint][bisect.bisect_left(_BOUNDS, took)] += 1
            self._sums[model, entrypoint] += took
        self._count(model, "OK")

    def text(self) -> str:
        """What Prometheus reads."""
        with self._lock:
            calls, sums = dict(self._calls), dict(self._sums)
            latency = {key: list(itertools.accumulate(counts)) for key, counts in self._latency.items()}
        lines = [f"# TYPE {_PREFIX}request_count counter"]
        lines += [f'{_PREFIX}request_count{{model_name="{model}",status="{status}"}} {count}'
                  for (model, status), count in calls.items()]
        lines.append(f"# TYPE {_PREFIX}request_latency histogram")
        for (model, entrypoint), counts in latency.items():
            name, labels = f"{_PREFIX}request_latency", f'model_name="{model}",API="predict",entrypoint="{entrypoint}"'
            lines += [f'{name}_bucket{{{labels},le="{bound}"}} {count}'
                      for bound, count in zip([*(f"{one:g}" for one in _BOUNDS), "+Inf"], counts, strict=True)]
            lines += [f"{name}_sum{{{labels}}} {sums[model, entrypoint]}", f"{name}_count{{{labels}}} {counts[-1]}"]
        return "\n".join(lines) + "\n"

    def _count(self, model: str, status: str) -> None:
        # A name that no model has is the caller's: it must not become a series, nor break the text's quotes.
        with self._lock:
            self._calls[model if status != "NOT_FOUND" else "", status] += 1
