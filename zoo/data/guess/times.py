"""How times are written."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

# From 1995 until some days ahead: a log that is older is seldom one of a shop's.
_EARLIEST = 788_918_400
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?(UTC|Z|[+-]\d{2}(:?\d{2})?))?")
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
# The more telling ones first; day before month only where the month can't come first.
_FORMATS = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
            "%d/%m/%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
            "%Y-%m-%d %H", "%Y%m%d%H%M%S", "%Y%m%d%H", "%Y%m%d", "%m %d, %Y", "%d %b %Y", "%b %d, %Y", "%a %b %d %H:%M:%S %Y")


class TimeForm(NamedTuple):
    """How a column's times are written, in the words of an import configuration.

    Args:
        words: for a comment.
        fineness: 3 for times to the second, 2 to the minute or hour, 1 for dates.
        unit: of numbers.
        format: of texts that are not ISO 8601.
    """

    words: str
    fineness: int
    unit: str = "s"
    format: str | None = None


def time_form(values: Sequence[str]) -> TimeForm | None:
    """How some texts are written as times; None where they are none. A few may be wrong: real logs have such."""
    if not values:
        return None
    if nearly_all(value.isdigit() for value in values):
        for unit, scale in _UNITS.items():
            if nearly_all(value.isdigit() and _EARLIEST * scale <= int(value) <= (time.time() + 7 * 86_400) * scale
                          for value in values):
                words = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}[unit]
                return TimeForm(f"{words} since 1970", 3, unit)
    if nearly_all(map(_is_iso, values)):
        zone = any(re.search(r"(UTC|Z|[+-]\d{2}(:?\d{2})?)$", value[10:]) for value in values)
        dates = nearly_all(len(value) == 10 for value in values)
        kind = "dates" if dates else f"ISO 8601 {'with' if zone else 'without'} a zone"
        return TimeForm(kind, 1 if dates else 3)
    for format_ in _FORMATS:
        if _fits(values[0], format_) and nearly_all(_fits(value, format_) for value in values):
            fineness = 3 if "%S" in format_ else 2 if "%H" in format_ else 1
            return TimeForm(f"written as {format_}", fineness, "s", format_)
    return None


def nearly_all(true: Iterable[bool]) -> bool:
    """Whether at most one of fifty is false."""
    flags = list(true)
    return sum(flags) >= 0.98 * len(flags)


def _is_iso(value: str) -> bool:
    return bool(_ISO.fullmatch(value)) and _fits(value[:10], "%Y-%m-%d")


def _fits(value: str, format_: str) -> bool:
    if "%Y%m" in format_ and len(value) != len(datetime(2000, 1, 1).strftime(format_)):
        return False
    try:
        parsed = datetime.strptime(value, format_).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return False
    return _EARLIEST <= parsed <= time.time() + 7 * 86_400
