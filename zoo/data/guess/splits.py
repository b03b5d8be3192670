"""Splits proposed from the times of a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple

import duckdb

MINUTE, HOUR, DAY = 60, 3_600, 86_400
# Of all rows, the least that a split is to have.
_LEAST = 0.02


class Period(NamedTuple):
    """The times of a file, in seconds since 1970.

    Args:
        rows: with a time.
        first, last: of nearly all rows: a thousandth at either end may lie far away.
        least, most: of all.
        eight, nine: before which eight and nine tenths of the rows lie.
    """

    rows: int
    first: int
    last: int
    least: int
    most: int
    eight: int
    nine: int


def period_of(db: duckdb.DuckDBPyConnection, relation: str, moment: str) -> Period | None:
    """The times of a relation, None where there is none.

    Args:
        db: to ask.
        relation: SQL of the rows.
        moment: SQL of seconds since 1970.
    """
    found = db.execute(
        f"SELECT count(m), quantile_disc(m, [0.001, 0.999, 0.8, 0.9]), min(m), max(m) FROM "
        f"(SELECT CAST(floor({moment}) AS BIGINT) AS m FROM {relation}) WHERE m IS NOT NULL").fetchall()[0]
    if not found[0]:
        return None
    first, last, eight, nine = found[1]
    # Not cut where the ends are near.
    span = max(last - first, 1)
    return Period(found[0], found[2] if first - found[2] < 0.1 * span else first,
                  found[3] if found[3] - last < 0.1 * span else last, found[2], found[3], eight, nine)


def proposed(period: Period, dates: bool, count: Callable[[int, int], int]) -> tuple[dict[str, Any], str] | None:
    """The times that divide a log, and why; None where the log has too few different ones.

    Args:
        period: of the log.
        dates: whether its times are dates.
        count: of rows from a time on and before another.
    """
    span = period.last - period.first
    step = DAY if dates or span >= 15 * DAY else HOUR if span >= 15 * HOUR else MINUTE if span >= 15 * MINUTE else 1
    until = (period.last // step + 1) * step

    def rounded(moments: tuple[float, float]) -> tuple[int, int]:
        validation, test = (round(moment / step) * step for moment in moments)
        return validation, test if test > validation else validation + step

    tries = (((period.first + 0.8 * span, period.first + 0.9 * span), "the last two tenths of the period"),
             ((period.eight, period.nine), "the last two tenths of the rows, as the last tenths of the period have few"),
             ((until - 2 * step, until - step), "the last two steps of time; the log has few"))
    for moments, why in tries:
        validation, test = rounded(moments)
        if not period.first < validation < test < until:
            continue
        parts = count(validation, test), count(test, until)
        if min(parts) >= max(1, _LEAST * period.rows) or (moments == tries[-1][0] and min(parts) > 0):
            return {"validation_from": iso(validation), "test_from": iso(test), "until": iso(until)}, why
    return None


def iso(moment: int) -> str:
    """A time in UTC, as a configuration has it."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
