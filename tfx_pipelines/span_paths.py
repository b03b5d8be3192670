"""Paths that tell spans (parts of the data, such as days) apart by a number or a date."""

from __future__ import annotations

import datetime
import re

from zoo import files
from zoo.config import ConfigError
from zoo.data.request_log import MANIFEST_FILE

_FIRST = datetime.date(1970, 1, 1)
_MARK = re.compile(r"\{(SPAN(?::\d+)?|YYYY|MM|DD)\}")
_WIDTHS = {"YYYY": 4, "MM": 2, "DD": 2}


def has_span(path: str) -> bool:
    """Whether a path tells spans apart: it holds `{SPAN}`, or `{YYYY}`, `{MM}` or `{DD}`."""
    return "{SPAN" in path or any(f"{{{mark}}}" in path for mark in _WIDTHS)


def of_span(path: str, span: int) -> str:
    """The path of a span.

    Args:
        path: with marks: `{SPAN}`, `{SPAN:3}` (with leading zeros), or `{YYYY}`, `{MM}` and `{DD}`.
        span: its number; of a date, days since 1970.

    Example:
        >>> of_span("logs/{YYYY}-{MM}-{DD}", 19680), of_span("logs/{SPAN:3}", 7)
        ('logs/2023-11-19', 'logs/007')
    """
    day = _FIRST + datetime.timedelta(days=span)
    parts = {"YYYY": f"{day.year:04d}", "MM": f"{day.month:02d}", "DD": f"{day.day:02d}"}

    def value(match: re.Match[str]) -> str:
        return parts.get(match[1]) or f"{span:0{match[1].partition(':')[2] or 1}d}"

    return _MARK.sub(value, path)


def span_of(text: str) -> int:
    """A span as it is said on a command line: a number, or a date (`2023-11-19`).

    Raises:
        ConfigError: it is neither.
    """
    if text.isdigit():
        return int(text)
    try:
        return (datetime.date.fromisoformat(text) - _FIRST).days
    except ValueError:
        raise ConfigError(f"{text!r} is no span: expected a number, or a date such as 2023-11-19") from None


def spans_of_logs(path: str) -> list[int]:
    """The spans of which there is a whole request log, ascending; see `spans_of`."""
    return spans_of(path, MANIFEST_FILE)


def spans_of(path: str, inside: str = "") -> list[int]:
    """The spans that are there, ascending.

    Args:
        path: of a file or folder of each span, with marks in one part of its path.
        inside: what has to be in that folder.
    """
    parts = files.normal(path).split("/")
    place = next(number for number, part in enumerate(parts) if has_span(part))
    pattern = re.compile("".join(_expression(part) for part in re.split(r"(\{[^}]*\})", parts[place])))
    found = set()
    for name in files.list_dir("/".join(parts[:place]) or "."):
        match = pattern.fullmatch(name)
        if match is None:
            continue
        said = match.groupdict()
        try:
            span = int(said["SPAN"]) if "SPAN" in said else (
                datetime.date(*(int(said[mark]) for mark in _WIDTHS)) - _FIRST).days
        except (ValueError, KeyError):
            continue
        there = files.join(of_span(path, span), inside) if inside else of_span(path, span)
        if of_span(parts[place], span) == name and files.exists(there):
            found.add(span)
    return sorted(found)


def _expression(part: str) -> str:
    match = _MARK.fullmatch(part)
    if match is None:
        return re.escape(part)
    name = match[1].partition(":")[0]
    return rf"(?P<{name}>\d{{{_WIDTHS[name]}}})" if name in _WIDTHS else r"(?P<SPAN>\d+)"
