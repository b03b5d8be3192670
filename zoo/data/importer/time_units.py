"""Times that are read in the wrong unit: dates of 1970, or of the year 50000."""

from __future__ import annotations

import datetime
import time

import duckdb

from zoo.data.importer.protocol import Splits
from zoo.data.importer.sql import UNITS, Times

_1990 = 631_152_000
_LOOKED_AT = 1_000_000
_DATE = (19_900_101, 20_991_231)
FUTURE = "time lies in the future"


def misfit(config: Times, splits: Splits | None, db: duckdb.DuckDBPyConnection, column: str = "time",
           early: bool = True) -> str | None:
    """What is wrong with the times of the rows in `checked`, where more than half of them lie before 1990 or after today.

    A log whose splits lie before 1990 is taken at its word: its times count from a beginning of their own.

    Args:
        config: says how times are written.
        splits: by time, where there are such.
        db: with the table.
        column: with the times, in seconds since 1970.
        early: whether times before 1990 are wrong, if the splits do not lie there.
    """
    early = early and (splits is None or splits.validation_from.timestamp() >= _1990)
    times = f"(SELECT {column} AS t FROM checked WHERE {column} IS NOT NULL"
    count, future, past = db.execute(
        f"SELECT count(*), count(*) FILTER (t > {time.time():.0f}), count(*) FILTER (t BETWEEN 0 AND {_1990 - 1}) FROM {times})"
        ).fetchall()[0]
    if 2 * future > count:
        where = "lie in the future"
    elif early and 2 * past > count:
        where = "lie before 1990"
    else:
        return None
    # Of the first ones: a median holds all of its values in memory.
    middle, = db.execute(f"SELECT median(t) FROM {times} LIMIT {_LOOKED_AT})").fetchall()[0]
    number = middle * UNITS[config.time_unit]
    fitting = [unit for unit, size in UNITS.items() if _1990 <= number / size <= time.time()]
    if config.time_format:
        advice = f"time_format {config.time_format!r} does not fit"
    elif _DATE[0] <= number <= _DATE[1] and number % 100 <= 31 and number // 100 % 100 <= 12:
        advice = 'they look like dates: say `time_format: "%Y%m%d"`'
    elif 101 <= number <= 1231:
        advice = 'they look like days without a year: say `time_format: "%m%d"`, and which `time_year` it was'
    elif fitting:
        then = datetime.datetime.fromtimestamp(number / UNITS[fitting[0]], datetime.timezone.utc)
        advice = f"as `time_unit: {fitting[0]}` they would lie in {then.year}"
    else:
        advice = "no time_unit fits; if they count from a beginning of their own, let `splits` lie there"
    return (f"{max(future, past) / count:.0%} of the times {where} (half of them after {_shown(middle)}), as "
            f"`time_unit: {config.time_unit}` has them; {advice}")


def _shown(moment: float) -> str:
    """A date; far from today, years alone."""
    if not 0 <= moment < 253_402_300_800:
        return f"the year {1970 + moment / 31_556_952:,.0f}"
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).date().isoformat()
