"""Which span (a part of the data, such as a day) a run is of."""

from __future__ import annotations

import re

from tfx_pipelines.config import RunConfig
from tfx_pipelines.registry import Pushed
from tfx_pipelines.span_paths import has_span, of_span, spans_of, spans_of_logs
from zoo import files
from zoo.config import ConfigError
from zoo.data.request_log import MANIFEST_FILE

_OTHER_MARKS = re.compile(r"[*?\[]|\{VERSION")


class SpanError(ValueError):
    """A span that is not there."""


def with_span(config: RunConfig) -> RunConfig:
    """The same run with its span said: the newest one there is, where the configuration says none.

    A log of spans becomes the log of that span, where a run is not `daily`.

    Raises:
        SpanError: there is no log of any span, or none of the one that is said.
        ConfigError: a daily run whose data are not told apart by spans.
    """
    data = config.data
    if config.daily is not None and not any(map(has_span, [data.log or "", *data.raw])):
        raise ConfigError("`daily` needs data by spans: name the log of each day by a pattern, such as "
                          "data.log: runs/shop/days/{SPAN}, or {YYYY}-{MM}-{DD}")
    if config.daily is not None and data.raw and data.span is None:
        # Files that only the stage finds, of patterns, leave it to the stage.
        there = spans_of(data.raw[0]) if has_span(data.raw[0]) and not _OTHER_MARKS.search(data.raw[0]) else []
        return config.model_copy(update={"data": data.model_copy(update={"span": there[-1]})}) if there else config
    if data.log is None or not has_span(data.log):
        return config
    span = data.span
    if span is None:
        there = spans_of_logs(data.log)
        if not there:
            raise SpanError(f"{data.log}: there is no request log of any span; make one with `zoo data import` or "
                            "`zoo data simulate --by-day`")
        span = there[-1]
    log = of_span(data.log, span)
    if not files.is_file(files.join(log, MANIFEST_FILE)):
        raise SpanError(f"span {span}: there is no request log in {log}")
    # Name and root are those of the pattern.
    pipeline = config.pipeline.model_copy(update={"name": config.name, "root": config.root})
    alone = {"log": log, "span": None, "cluster_log": data.cluster_log and of_span(data.cluster_log, span)}
    chosen = data.model_copy(update={"span": span} if config.daily else alone)
    return config.model_copy(update={"data": chosen, "pipeline": pipeline})


def caught_up(config: RunConfig, before: Pushed | None) -> RunConfig:
    """A daily run that also learns the spans which nobody has learned since the model that it goes on from.

    Where a span was left out, or its model was refused, its data would be lost otherwise.

    Args:
        config: of the run, with its span.
        before: the record of that model; None where there is none.
    """
    daily, span = config.daily, config.data.span
    if daily is None or not daily.warm_start or span is None or before is None or before.span is None:
        return config
    days = max(daily.days, span - before.span)
    return config.model_copy(update={"daily": daily.model_copy(update={"days": days})})
