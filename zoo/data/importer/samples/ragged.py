"""Columns of lists as flat values and lengths, and how they are read from lists, texts with separators, and many columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.columnar import offsets, ranges
from zoo.data.importer.sources import EventLogError


@dataclass(frozen=True)
class Ragged:
    """Values of some rows, lists of lists to any depth.

    Args:
        values: flat.
        lengths: how many there are in each list, the outermost lists (one a row) first; none where a row has one value.
    """

    values: pa.Array
    lengths: tuple[np.ndarray, ...] = ()

    def __len__(self) -> int:
        return len(self.lengths[0]) if self.lengths else len(self.values)

    @property
    def inner(self) -> Ragged:
        """The elements of the outermost lists, as rows."""
        return Ragged(self.values, self.lengths[1:])

    def take(self, rows: np.ndarray) -> Ragged:
        """Some of the rows, in any order."""
        if not self.lengths:
            return Ragged(self.values.take(pa.array(rows)))
        lengths = self.lengths[0][rows]
        inner = self.inner.take(ranges(offsets(self.lengths[0])[rows], lengths))
        return Ragged(inner.values, (lengths, *inner.lengths))

    def keep(self, elements: np.ndarray) -> Ragged:
        """Without the elements of the outermost lists that are not to be kept."""
        lengths = np.bincount(self.rows[elements], minlength=len(self))
        inner = self.inner.take(np.flatnonzero(elements))
        return Ragged(inner.values, (lengths, *inner.lengths))

    @property
    def rows(self) -> np.ndarray:
        """The row of each element of the outermost lists; of each value where there are no lists."""
        return np.repeat(np.arange(len(self)), self.lengths[0]) if self.lengths else np.arange(len(self))

    @property
    def value_rows(self) -> np.ndarray:
        """The row of each flat value."""
        rows = self.rows
        for lengths in self.lengths[1:]:
            rows = np.repeat(rows, lengths)
        return rows


class NoListError(EventLogError):
    """A column holds single values where lists were expected."""


def ragged(column: pa.Array, separators: Sequence[str | None], missing: Collection[str]) -> Ragged:
    """Reads a column of lists.

    Args:
        column: of lists, or of texts.
        separators: one for each depth, the outermost lists first: between the elements of texts; None where there must be
            lists.
        missing: texts that stand for no list at all.

    Raises:
        NoListError: there are single values, and no separator that makes lists of them.
    """
    lengths: list[np.ndarray] = []
    for separator in separators:
        if not is_list(column.type):
            if separator is None:
                raise NoListError(f"holds single values ({column.type}) where lists are expected; say its `separator`, or give "
                                  "a column of lists")
            column = split(column, separator, missing)
        lengths.append(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64))
        column = column.flatten()
    return Ragged(column, tuple(lengths))


def beside(columns: Sequence[pa.Array]) -> Ragged:
    """Columns of single values, all of one type, as one column of lists."""
    count, width = len(columns[0]), len(columns)
    order = np.arange(count)[:, None] + count * np.arange(width)[None, :]
    return Ragged(pa.concat_arrays(columns).take(pa.array(order.ravel())), (np.full(count, width, np.int64),))


def is_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def split(column: pa.Array, separator: str, missing: Collection[str]) -> pa.Array:
    """The parts of texts as lists; none of a text that is missing."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    nothing = pc.is_in(text, value_set=pa.array(["", *missing]))
    return pc.split_pattern(pc.if_else(nothing, pa.scalar(None, pa.string()), text), separator)

def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return whole.chunk(0) if whole.num_chunks else pa.array([], whole.type)
    return whole
