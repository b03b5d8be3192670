"""What the columns of an event log mean."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from zoo.config import Config
from zoo.schema import Feature, Role

# Event types are texts; YAML reads 1 as a number.
EventType = Annotated[str, pydantic.BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value)]


class Columns(Config):
    """Names of the log's columns.

    Args:
        time: of the event.
        event: its type; without it every row is a click.
        item: what it is about.
        label: of a log of impressions: 1 where the item was clicked, 0 where it was shown alone; stands for `event`.
        user: who; the session where the log has no users, or this row has none.
        session: visit; with `clicks`, the first click of a session has nothing before it and makes no request.
        request: page that was shown; a log of impressions needs it.
        order: breaks ties of time inside a session, rising.
        time_of_day: milliseconds since midnight, where `time` is a date.
        opens, closes: times between which the item can be met, such as a live room; an event before `opens`, or at `closes` or
            later, is rejected. A row without one of them has no such bound.
    """

    time: str
    event: str | None = None
    item: str
    label: str | None = None
    user: str | None = None
    session: str | None = None
    request: str | None = None
    order: str | None = None
    time_of_day: str | None = None
    opens: str | None = None
    closes: str | None = None

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Columns:
        if self.user is None and self.session is None:
            raise ValueError("name the column `user`, or `session`, or both")
        if self.label and (self.event or not self.request):
            raise ValueError("`label` says what was clicked of a page: name the column `request`, and no `event`")
        return self


class Attribute(Config):
    """A column that describes the item (its category, brand, price), the user or the request.

    Args:
        name: of the feature.
        column: of the log, or of the table; the name by default.
        kind: `id` or `number`.
        role: what it means (`category`, `brand`, `price`, …).
        transform, buckets: of a number, as in `zoo.schema.Feature`.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: str | None = None
    kind: Literal["id", "number"] = "id"
    role: Role | None = None
    transform: Literal["zscore", "log_zscore", "none"] = "zscore"
    buckets: int = 0

    @property
    def source(self) -> str:
        return self.column or self.name

    @property
    def sql_type(self) -> str:
        """Of its column in DuckDB."""
        return "VARCHAR" if self.kind == "id" else "FLOAT"

    def feature(self) -> Feature:
        """As the schema declares it; ids have a space of their own."""
        if self.kind == "id":
            return Feature(name=self.name, space=self.name, role=self.role)
        return Feature(name=self.name, kind="number", role=self.role, transform=self.transform, buckets=self.buckets)
