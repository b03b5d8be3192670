"""Which versions of a model are loaded."""

from __future__ import annotations

from pydantic import model_validator

from serving.fleet.description.fields import Count, Version
from zoo.config import Config


class Versions(Config):
    """Which versions of a model a server keeps loaded: the newest so many, or just these."""

    latest: Count = 1
    specific: tuple[Version, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Versions:
        if self.specific and "latest" in self.model_fields_set:
            raise ValueError("give latest or specific, not both")
        if len(set(self.specific)) != len(self.specific):
            raise ValueError(f"specific {list(self.specific)} names a version twice")
        return self

    @property
    def resident(self) -> int:
        """How many are loaded at rest."""
        return len(self.specific) or self.latest
