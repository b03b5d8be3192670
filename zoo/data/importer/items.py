"""What is known of the items of an event log, by their codes: names, attributes, who may be drawn, how often clicked when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zoo.data.catalogue import CatalogueRow
from zoo.data.importer.config import ImportConfig
from zoo.data.request_log import SPLITS

ITEMS_FILE, CLICKS_FILE = "items.parquet", "clicks.npy"
# A time and an item's code in one number, sorted by item: seconds since 1970 have fewer bits than this.
TIME_BITS = 34


def moments(codes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Items and times as one number each, which sorts by item and then by time."""
    return (codes.astype(np.int64) << TIME_BITS) + times


class ItemTable:
    """The items of an event log; a code is a place in it.

    Args:
        config: of the import.
        table: by code: `item`, `clicks` (in the training split), `first_click`, `first_event`, and the attributes as they were
            when the item was first seen.
        clicks: sorted `moments` of all clicks.

    Attributes:
        clicks: in the training split.
    """

    def __init__(self, config: ImportConfig, table: pa.Table, clicks: np.ndarray):
        self.config, self.table, self.moments = config, table, clicks
        self._columns: dict[str, pa.Array] = {}
        self.clicks = table["clicks"].to_numpy()
        self.first_event = table["first_event"].to_numpy()
        self.trained = np.flatnonzero(self.clicks)
        self.weight = np.cumsum(self.clicks[self.trained])
        self.by_category = _Categories.of(config, table) if config.category else None

    @classmethod
    def load(cls, config: ImportConfig, folder: str) -> ItemTable:
        """Reads what `EventStore.export` wrote."""
        return cls(config, pq.read_table(Path(folder) / ITEMS_FILE), np.load(Path(folder) / CLICKS_FILE, mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> pa.Array:
        """The item or an attribute by code: binary, missing ids "", or float32, missing numbers NaN."""
        if name not in self._columns:
            values = self.table[name].combine_chunks()
            number = pa.types.is_floating(values.type)
            self._columns[name] = values.cast(pa.float32()).fill_null(float("nan")) if number else (
                values.cast(pa.binary()).fill_null(b""))
        return self._columns[name]

    def catalogue(self, since: np.ndarray) -> Iterator[CatalogueRow]:
        """A row of each item, from a time on `[n]`."""
        names = [attribute.name for attribute in self.config.attributes]
        columns = [self.column(name).to_pylist() for name in ("item", *names)]
        for time, item, *values in zip(since.tolist(), *columns, strict=True):
            texts = [value.decode() if isinstance(value, bytes) else value for value in values]
            yield CatalogueRow(item.decode(), time, dict(zip(names, texts, strict=True)))

    def clicked_before(self, codes: np.ndarray, times: np.ndarray) -> np.ndarray:
        """How often each item was clicked strictly before a time, by anybody, in any split."""
        begin, end = (np.searchsorted(self.moments, moments(codes, at)) for at in (np.zeros_like(times), times))
        return end - begin


@dataclass(frozen=True)
class _Categories:
    """Items in order of category and of the split of their first click.

    Args:
        of_item: the category of each item, -1 where it has none or was never clicked.
        items: codes in that order.
        place: of each item in `items`.
        start: of each category in `items`.
        size: `[C, 3]` how many items of a category there are up to each split.
    """

    of_item: np.ndarray
    items: np.ndarray
    place: np.ndarray
    start: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, config: ImportConfig, table: pa.Table) -> _Categories:
        assert config.category is not None
        encoded = table[config.category.name].combine_chunks().dictionary_encode()
        # Items without a category are of one, which has no name.
        category = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy().astype(np.int64)
        first = table["first_click"].combine_chunks()
        clicked = first.is_valid().to_numpy(zero_copy_only=False)
        split = splits_of(config, first.fill_null(0).to_numpy())
        count = len(encoded.dictionary) + 1
        items = np.flatnonzero(clicked)
        items = items[np.lexsort((items, split[items], category[items]))]
        place = np.full(len(table), -1, np.int64)
        place[items] = np.arange(len(items))
        size = np.zeros((count, len(SPLITS)), np.int64)
        np.add.at(size, (category[items], split[items]), 1)
        start = np.concatenate([[0], np.cumsum(size.sum(1))[:-1]])
        return cls(np.where(clicked, category, -1), items, place, start, np.cumsum(size, 1))


def splits_of(config: ImportConfig, times: np.ndarray) -> np.ndarray:
    """`[n]` the number of the split that each moment falls into."""
    edges: list[Any] = [config.splits.validation_from.timestamp(), config.splits.test_from.timestamp()]
    return np.searchsorted(edges, times, side="right")
