"""How a log is divided, and which candidates are drawn where it does not say what was shown."""

from __future__ import annotations

import datetime
from typing import Any, Literal

import pydantic

from zoo.config import Config


class Splits(Config):
    """Times that divide the log, by the start of the session (or of the request); ISO 8601, UTC.

    Args:
        validation_from: first moment of the validation split; all before it is training.
        test_from: first moment of the test split.
        until: events at or after it are dropped, and counted.
    """

    validation_from: datetime.datetime
    test_from: datetime.datetime
    until: datetime.datetime

    @pydantic.field_validator("*")
    @classmethod
    def _utc(cls, value: datetime.datetime) -> datetime.datetime:
        return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Splits:
        if not self.validation_from < self.test_from < self.until:
            raise ValueError("validation_from must be before test_from, and test_from before until")
        return self


class Negatives(Config):
    """Candidates that were not clicked, drawn for each click of a log without impressions.

    `negatives: none` draws none: each request has the clicked item as its only candidate, which is what recall models learn
    from that take their negatives from the batch or the catalogue. A ranker learns nothing from it, and AUC and GAUC are
    not defined.

    Args:
        popularity: drawn from the training split's clicks.
        same_category: drawn uniformly from other items of the clicked item's category.
        same_category_from: `training`, items clicked in the training split: an item that is new later is then never
            drawn, only clicked, and a model can learn that unknown means clicked; or `split`, items clicked until the
            end of the request's own split, new ones among them.
        uniform: drawn uniformly from all items whose first event lies strictly before the request.
        seed: of the draws.
    """

    popularity: int = pydantic.Field(default=1, ge=0)
    same_category: int = pydantic.Field(default=1, ge=0)
    same_category_from: Literal["training", "split"] = "training"
    uniform: int = pydantic.Field(default=0, ge=0)
    seed: int = 7

    @pydantic.model_validator(mode="before")
    @classmethod
    def _none(cls, values: Any) -> Any:
        return {"popularity": 0, "same_category": 0} if values == "none" else values
