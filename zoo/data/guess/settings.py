"""What configurations of all kinds have: how files and times are written, and splits by time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from zoo.data.guess.draft import Draft
from zoo.data.guess.file import File
from zoo.data.guess.roles import Roles
from zoo.data.guess.splits import proposed
from zoo.data.importer.sources import EventLogError

Add = Callable[..., None]


def new_names(roles: Roles) -> dict[str, str]:
    """Names for columns that have none: what they mean."""
    meanings = ("user", "session", "request", "item", "category", "time", "event", "rating", "price")
    found = {column.name: meaning for meaning in meanings if (column := getattr(roles, meaning)) and not column.named}
    if roles.page and not roles.page.named:
        found[roles.page.name] = "candidates"
    for place, column in enumerate(column for column in roles.sequences if not column.named):
        found[column.name] = "history" if not place else f"sequence_{place + 1}"
    return found


def files_settings(add: Add, file: File, names: dict[str, str]) -> None:
    """How the file is written, where that is not seen by itself."""
    if settings := file.files(names):
        add("files", settings)


def time_settings(add: Add, roles: Roles) -> None:
    """How times are written."""
    form = roles.time.time if roles.time else None
    if form is None:
        return
    if form.unit != "s":
        add("time_unit", form.unit)
    if form.format:
        add("time_format", form.format)
    if form.format or "without" in form.words or form.words == "dates":
        add("time_zone", "UTC", "times name no zone; say theirs (Europe/Berlin) if it is not this one")


def split_times(draft: Draft, file: File, roles: Roles, name: str) -> dict[str, Any]:
    """Times that divide the log.

    Raises:
        EventLogError: it has too few different ones.
    """
    assert roles.time is not None and roles.time.time is not None
    period = file.period(roles.time, roles.time.time)
    found = period and proposed(period, roles.time.time.fineness == 1, file.counter(roles.time, roles.time.time))
    if not found or not period:
        raise EventLogError(f"{name}: its times are too few to divide it into splits; give more of the log")
    outliers = [f"{what} {_plain(moment)}" for what, moment, near in (
        ("the first at", period.least, period.first), ("the last at", period.most, period.last)) if moment != near]
    draft.comment(f"Nearly all rows lie from {_plain(period.first)} to {_plain(period.last)} UTC"
                  + (f" ({' and '.join(outliers)})" if outliers else "") + f". Split by {found[1]}.")
    return found[0]


def _plain(moment: int) -> str:
    """A time, also one that is no time of this world."""
    try:
        return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{moment} s"
