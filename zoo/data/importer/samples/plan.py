"""What the processes of an import of samples know beside the rows that they work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.feature_places import Shape
from zoo.schema import Schema

# Columns of the rows that are handed on, beside the table's own: the file's number and the row in it, from 1.
FILE, ROW = "_file", "_row"
UNSPLIT = -1


@dataclass(frozen=True)
class Plan:
    """How rows become requests.

    Args:
        config: of the import.
        shapes: of the features, by their column in the log.
        files: as the user named them.
        splits: number of each file's split, `UNSPLIT` where files say none.
        named_by_user: whether requests of several users have the same id.
        catalogue: file with the items that are joined, where there is a catalogue.
    """

    config: SamplesConfig
    shapes: Mapping[str, Shape]
    files: tuple[str, ...]
    splits: tuple[int, ...]
    named_by_user: bool = False
    catalogue: str | None = None

    @property
    def schema(self) -> Schema:
        """Of the request log."""
        return self.config.schema(self.shapes)

    @property
    def groups(self) -> bool:
        """Whether several rows may be one request."""
        return self.config.rows == "impressions" and self.config.columns.request is not None


class Reasons:
    """Why rows can't be used: the first reason that was found for each.

    Args:
        count: of the rows.

    Attributes:
        good: `[R]` rows without any.
    """

    def __init__(self, count: int):
        self.good = np.ones(count, bool)
        self._found: list[tuple[np.ndarray, str]] = []

    def add(self, wrong: np.ndarray, reason: str) -> None:
        """Says why rows `[R]` can't be used, those of them for which no reason was found before."""
        rows = np.flatnonzero(wrong & self.good)
        if len(rows):
            self._found.append((rows, reason))
            self.good[rows] = False

    def found(self) -> list[tuple[np.ndarray, str]]:
        """`(rows, reason)` in the order in which they were found."""
        return self._found
