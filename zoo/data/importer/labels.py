"""Labels beside the click: what came of it within a time, and numbers of the event."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config
from zoo.data.importer.durations import Duration
from zoo.data.importer.fields import EventType
from zoo.schema import Label


class EventLabel(Config):
    """A label of the clicked candidates: an event that follows the click, or a number.

    With `events` and `within`, of a click at time t: whether the same user has such an event with the same item in
    [t, t + within). With `column` it is that event's number (the first one's); with `column` alone, the number in the click's
    own row (its stay time). A label with a window that is not over when the request's split ends (`splits.validation_from`,
    `test_from`, `until`) is not observed (NaN), whatever has come of it by then: so none knows of the next split, and late
    clicks do not count as failures. What was not clicked has 0 in a binary label, NaN in a number.

    Args:
        name: of the task.
        events: event types that are counted; none for a number of the click's own row.
        within: time after the click.
        column: of the log, with the number.
        scale: of a number, as in `zoo.schema.Label`; with `log1p`, the log has the logarithm of 1 + the column's number.
        weight: of the task's loss.
        entire_space: of a binary label, as in `zoo.schema.Label`.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    events: tuple[EventType, ...] = ()
    within: Duration | None = None
    column: str | None = None
    scale: Literal["linear", "non_negative", "log1p"] = "linear"
    weight: float = pydantic.Field(default=1.0, gt=0)
    entire_space: bool = True

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> EventLabel:
        if not self.events and not self.column:
            raise ValueError(f"label {self.name!r}: say which `events` make it, or the `column` with its number")
        if bool(self.events) != bool(self.within):
            raise ValueError(f"label {self.name!r}: `events` and `within` go together: which events, and how long after the "
                             "click")
        if self.scale != "linear" and not self.column:
            raise ValueError(f"label {self.name!r}: `scale` is said of numbers, and there is no `column`")
        return self

    def label(self) -> Label:
        """As the schema declares it."""
        if self.column:
            return Label(name=self.name, kind="regression", scale=self.scale, weight=self.weight)
        return Label(name=self.name, given="click", entire_space=self.entire_space, weight=self.weight)
