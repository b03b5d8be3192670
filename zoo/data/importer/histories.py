"""Which events a request's behaviour sequences are made of."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.config import Config
from zoo.data.importer.fields import EventType


class Behaviours(Config):
    """A sequence of what the user did before.

    Args:
        events: event types that it is made of; the clicks by default.
        max_length: the most recent ones that are kept.
        action: whether each event says its type, as the id feature `action` (role `action`).
    """

    events: tuple[EventType, ...] = ()
    max_length: int = pydantic.Field(default=50, ge=1)
    action: bool = False


class History(Behaviours):
    """The sequence `history`, which models read as the user's behaviours; a number is its `max_length`."""

    @pydantic.model_validator(mode="before")
    @classmethod
    def _length_alone(cls, values: Any) -> Any:
        return {"max_length": values} if type(values) is int else values

    @property
    def role(self) -> Literal["behaviours"]:
        """What it means to a model."""
        return "behaviours"


class FurtherHistory(Behaviours):
    """A sequence beside the history: carts, purchases, or the clicks of a longer time.

    Args:
        name: of the sequence, and of its columns: `carts` has `carts_item`.
        role: what it means to a model: `long_behaviours` is read by those with a long history (`sim`, `lsrmm`), `other` by none
            unless it asks for it.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    role: Literal["long_behaviours", "other"] = "other"
