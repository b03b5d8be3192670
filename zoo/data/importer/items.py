"""What is known of the items of an event log, by their codes: names, attributes, who may be drawn, how often clicked when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from zoo.data.catalogue import CatalogueRow
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.plan import Plan, known
from zoo.data.request_log import SPLITS


class ItemTable:
    """The items of an event log; a code is a place in it.

    Args:
        plan: has them by code: `item`, `clicks` (in the training split), `first_click`, `first_event`, and the attributes as
            they were when the item was first seen.

    Attributes:
        clicks: in the training split.
    """

    def __init__(self, plan: Plan):
        self.plan, self.config, self.table = plan, plan.config, plan.items
        self._columns: dict[str, pa.Array] = {}
        self.clicks = self.table["clicks"].to_numpy()
        self.first_event = self.table["first_event"].to_numpy()
        self.trained = np.flatnonzero(self.clicks)
        self.weight = np.cumsum(self.clicks[self.trained])
        self.by_category = _Categories.of(self.config, self.table) if self.config.category else None
        self.by_age = np.argsort(self.first_event, kind="stable")

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> pa.Array:
        """The item or an attribute by code, as it was when the item was first seen: binary or float32 (`known`)."""
        if name not in self._columns:
            self._columns[name] = known(self.table[name].combine_chunks())
        return self._columns[name]

    def described(self, codes: np.ndarray, times: np.ndarray) -> dict[str, pa.Array]:
        """What is known of some items `[n]` at some times `[n]`: `item`, the log's attributes, and those of tables."""
        names = ["item", *(attribute.name for attribute in self.config.attributes)]
        found = {name: self.column(name).take(pa.array(codes)) for name in names}
        for table in self.plan.item_tables:
            rows = table.rows(codes, times)
            found |= {feature.name: table.column(feature, rows) for feature in table.settings.features}
        return found

    def catalogue(self, since: np.ndarray) -> Iterator[CatalogueRow]:
        """The rows of each item: from a time on `[n]`, and from each later time at which a table says more."""
        codes, times = np.arange(len(self)), since
        for table in self.plan.item_tables:
            of, at = table.since.events()
            later = at > since[of]
            codes, times = np.append(codes, of[later]), np.append(times, at[later])
        rows = np.column_stack([codes, times])
        rows = np.unique(rows, axis=0) if self.plan.item_tables else rows
        columns = {name: values.to_pylist() for name, values in self.described(rows[:, 0], rows[:, 1]).items()}
        items = columns.pop("item")
        for time, item, *values in zip(rows[:, 1].tolist(), items, *columns.values(), strict=True):
            texts = [value.decode() if isinstance(value, bytes) else value for value in values]
            yield CatalogueRow(item.decode(), time, dict(zip(columns, texts, strict=True)))

    def clicked_before(self, codes: np.ndarray, times: np.ndarray) -> np.ndarray:
        """How often each item was clicked strictly before a time, by anybody, in any split."""
        return self.plan.clicks.counts(codes, [np.zeros_like(times)], times)[0]


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
