"""How many servers there are."""

from __future__ import annotations

from pydantic import model_validator

from serving.fleet.description.fields import Count
from zoo.config import Config


class Replicas(Config):
    """How few and how many servers there are."""

    min: Count = 3
    max: Count = 12

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.min < 2:
            raise ValueError("min must be 2 or more: a single server can neither be drained nor updated without failing calls")
        if self.max < self.min:
            raise ValueError(f"max {self.max} is below min {self.min}")
        return self
