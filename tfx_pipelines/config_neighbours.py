"""Which neighbours of a run's graph models look up."""

from __future__ import annotations

import pydantic

from zoo.assets import NAME
from zoo.graph.neighbours import NeighbourConfig


class NeighboursConfig(NeighbourConfig):
    """Neighbours of nodes, looked up by models as the asset `neighbours_<name>`.

    Args:
        paths: meta-paths by name: `uiu: user-item-user`.
    """

    paths: dict[str, str] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _names(self) -> NeighboursConfig:
        for name in self.paths:
            if not NAME.fullmatch(name):
                raise ValueError(f"neighbours.paths: {name!r} is part of a file's name, which has letters, digits, _ and "
                                 "- only")
        return self
