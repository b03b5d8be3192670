"""What stands in a cell, as SQL over its value: texts, numbers, truths and moments, however they are written."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Collection
from typing import Protocol

from zoo.data.importer.sources import literal

# Of a second.
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_YES, _NO = ("true", "t", "yes", "y"), ("false", "f", "no", "n")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATING = ("DOUBLE", "FLOAT", "DECIMAL")
# Digits of the parts of a time.
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")


class Times(Protocol):
    """How times are written."""

    @property
    def time_unit(self) -> str: ...
    @property
    def time_format(self) -> str | None: ...
    @property
    def time_year(self) -> int | None: ...
    @property
    def time_zone(self) -> str: ...


def check_times(times: Times) -> None:
    """Raises `ValueError` where settings of times contradict each other, or there is no such time zone."""
    check_time_zone(times.time_zone)
    has_year = times.time_format and re.search("%[YyGcx]", times.time_format)
    if times.time_year is not None and (times.time_format is None or has_year):
        raise ValueError("time_year is for times without a year: say their `time_format`, such as \"%m%d\""
                         if times.time_format is None else f"time_year: time_format {times.time_format!r} has a year already")
    if times.time_format and not has_year and times.time_year is None:
        raise ValueError(f"time_format {times.time_format!r} has no year; say it: `time_year: 2015`")


def check_time_zone(name: str) -> None:
    """Raises `ValueError` where there is no such time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"time_zone: {name!r} is no time zone; such as Europe/Berlin") from None


def text_of(value: str, kind: str, missing: Collection[str]) -> str:
    """The trimmed text of a value, NULL where it is missing.

    Args:
        value: SQL of the value.
        kind: its type in DuckDB.
        missing: texts that stand for a missing value.
    """
    # A value of several types is JSON; its texts are in quotes.
    text = f"({value} ->> '$')" if kind == "JSON" else f"CAST({value} AS VARCHAR)"
    if kind in _WHOLE:
        tokens = [token for token in missing if _NUMBER.fullmatch(token)]
        return f"(CASE WHEN {text} IN {texts(tokens)} THEN NULL ELSE {text} END)" if tokens else text
    if kind.startswith(_FLOATING):
        # pandas makes floats of whole numbers as soon as one is missing.
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
        text = f"(CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE {text} END)"
    text = f"trim({text})"
    return f"(CASE WHEN {text} IN {texts(['', *missing])} THEN NULL ELSE {text} END)"


def number_of(value: str, kind: str, missing: Collection[str], to: str = "FLOAT") -> str:
    """The number of a value, NULL where it is missing or none."""
    if kind.startswith((*_WHOLE, *_FLOATING)) and not any(map(_NUMBER.fullmatch, missing)):
        return f"TRY_CAST({value} AS {to})"
    return f"TRY_CAST({text_of(value, kind, missing)} AS {to})"


def no_number(value: str, kind: str, missing: Collection[str]) -> str:
    """Whether a value that is there is no number that can be used: it must be finite; NaN means that it is missing."""
    number = number_of(value, kind, missing)
    finite = f"coalesce({number} < 'inf' AND {number} > '-inf' OR isnan({number}), false)"
    there = f"{value} IS NOT NULL" if kind.startswith((*_WHOLE, *_FLOATING)) else text_of(value, kind, missing) + " IS NOT NULL"
    missed = f" AND {text_of(value, kind, missing)} IS NOT NULL" if any(map(_NUMBER.fullmatch, missing)) else ""
    return f"({there}{missed} AND NOT {finite})"


def truth_of(value: str, kind: str, missing: Collection[str]) -> str:
    """1 or 0 (a number or a word), NULL where it is missing or something else."""
    return truth(text_of(value, kind, missing))


def truth(text: str) -> str:
    """1 or 0 of a trimmed text, NULL where it says something else."""
    number, word = f"TRY_CAST({text} AS DOUBLE)", f"lower({text})"
    return (f"(CASE WHEN {number} = 1 OR {word} IN {texts(_YES)} THEN 1 "
            f"WHEN {number} = 0 OR {word} IN {texts(_NO)} THEN 0 END)")


def moment_of(text: str, times: Times, of_day: str | None = None) -> str:
    """Seconds since 1970 of a time's text.

    Args:
        text: SQL of the trimmed text.
        times: how it is written; the connection's time zone is `times.time_zone`.
        of_day: SQL of the milliseconds since midnight, where the text is a date.
    """
    if times.time_format:
        form = times.time_format
        if re.fullmatch(f"(%[{''.join(_DIGITS)}])+", form):
            # A number has lost the zeros in front: 829 is 0829.
            width = sum(_DIGITS[mark] for mark in form[1::2])
            text = f"lpad({text}, CAST(greatest(length({text}), {width}) AS INTEGER), '0')"
        if times.time_year is not None:
            text, form = f"'{times.time_year} ' || {text}", f"%Y {form}"
        moment = f"epoch(timezone({literal(times.time_zone)}, try_strptime({text}, {literal(form)})))"
    else:
        number = f"TRY_CAST({text} AS DOUBLE) / {UNITS[times.time_unit]}"
        # Without a zone of its own a time is of the connection's.
        moment = f"coalesce({number}, epoch(TRY_CAST({text} AS TIMESTAMPTZ)))"
    return f"({moment} + coalesce({of_day} / 1000, 0))" if of_day else moment


def texts(values: Collection[str]) -> str:
    """A list of texts in SQL."""
    return f"({', '.join(map(literal, dict.fromkeys(values)))})"
