"""The events of a shard that a behaviour sequence is made of."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from zoo.data.columnar import ranges
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.rows import CLICK
from zoo.data.importer.shard import Events


class Past:
    """What stands in one sequence of each request.

    Args:
        config: of the import.
        events: of the shard, sorted.
        name: of the sequence.

    Attributes:
        settings: of the sequence.
        types: names of event types, by their numbers.
    """

    def __init__(self, config: ImportConfig, events: Events, name: str):
        self.name, self.settings = name, config.histories[name]
        wanted = [config.types.index(one) for one in self.settings.events]
        self._places = np.flatnonzero(np.isin(events.type, wanted) if wanted else events.kind == CLICK)
        self.types = pa.array([one.encode() for one in config.types] or [b"click"], pa.binary())

    def count(self, past: np.ndarray) -> np.ndarray:
        """`[R]` events that each request has, before they are cut, between the first and last + 1 of `past [R, 2]`."""
        return np.diff(np.searchsorted(self._places, past))[:, 0]

    def of(self, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The events of requests, oldest first, one request after the other, and how many each has; the most recent ones."""
        lengths = np.minimum(self.count(past), self.settings.max_length)
        return self._places[ranges(np.searchsorted(self._places, past[:, 1]) - lengths, lengths)], lengths
