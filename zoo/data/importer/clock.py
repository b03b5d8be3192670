"""Features of the request that follow from its time."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config
from zoo.schema import Feature

# What DuckDB calls the parts of a time.
PARTS = {"hour": "hour", "weekday": "isodow"}


class Clock(Config):
    """Ids of the request made from its time.

    Args:
        features: `hour` (`0` to `23`), `weekday` (`1`, Monday, to `7`).
        time_zone: where the clock hangs; the log's `time_zone` by default.
    """

    features: tuple[Literal["hour", "weekday"], ...] = pydantic.Field(min_length=1)
    time_zone: str | None = None

    def declared(self) -> list[Feature]:
        """As the schema declares them; each has a space of its own."""
        return [Feature(name=name, space=name) for name in self.features]
