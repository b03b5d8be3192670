"""Daily runs of some days in order, which goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tfx_pipelines.config import RunConfig
from tfx_pipelines.places import day_report
from tfx_pipelines.span_paths import has_span, span_of, spans_of_logs
from zoo import files
from zoo.config import ConfigError


def spans_between(text: str) -> range:
    """`A..B`, both included; each a number or a date.

    Raises:
        ConfigError: it is neither that nor one span, or ends before it begins.

    Example:
        >>> spans_between("3..5"), spans_between("2023-11-19")
        (range(3, 6), range(19680, 19681))
    """
    first, dots, last = text.partition("..")
    begin = span_of(first)
    end = span_of(last) if dots else begin
    if end < begin:
        raise ConfigError(f"--spans {text}: ends before it begins")
    return range(begin, end + 1)


def backfill(config: RunConfig, spans: range, run: Callable[[RunConfig], dict[str, Any]], again: bool = False
             ) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Runs the spans one after the other; one whose report is there is done, and one that was stopped goes on from its stages.

    Args:
        config: of a daily run.
        spans: in order.
        run: runs one and gives its report back.
        again: run those too that are done.

    Yields:
        Span, report, and whether it was done before.

    Raises:
        ConfigError: the configuration is not of daily runs; a span has no log. What was run before that is kept.
    """
    if config.daily is None:
        raise ConfigError("a backfill is of daily runs, and the configuration has no `daily`; `daily: {}` takes the defaults")
    if config.data.log and has_span(config.data.log):
        there = spans_of_logs(config.data.log)
        missing = [span for span in spans if span not in there]
        if missing:
            raise ConfigError(f"{config.data.log}: there is no request log of the spans {_shown(missing)}; make them, or leave "
                              "them out")
    for span in spans:
        kept = day_report(config, span)
        if not again and files.is_file(kept):
            yield span, json.loads(files.read_text(kept)), True
        else:
            yield span, run(config.model_copy(update={"data": config.data.model_copy(update={"span": span})})), False


def _shown(spans: list[int]) -> str:
    return ", ".join(map(str, spans[:5])) + (f" and {len(spans) - 5} more" if len(spans) > 5 else "")
