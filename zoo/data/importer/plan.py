"""What `zoo.data.importer.export` wrote, as the shards read it: what is known of items, users and times of the whole log."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zoo.data.importer.config import ImportConfig
from zoo.data.importer.counters import CLICKS, IMPRESSIONS, RATE, Counter
from zoo.data.importer.fields import Attribute
from zoo.data.importer.labels import EventLabel
from zoo.data.importer.tables import Entity, SideTable
from zoo.data.importer.timeline import Timeline

ITEMS_FILE, CLICKS_FILE, GLOBAL_FILE = "items.parquet", "clicks", "global.json"
CODE = "_code_"


def shard_file(shard: int) -> str:
    """Name of the file with the events of a shard."""
    return f"events-{shard:05d}.parquet"


def count_file(of: tuple[str, ...], what: str) -> str:
    """Name of the timeline of what a counter counts."""
    return "-".join(["count", *of, what])


def label_file(name: str) -> str:
    """Name of the timeline of the events that make a label, by user and item."""
    return f"label-{name}"


def table_file(number: int) -> str:
    """Name of the timeline of a table beside the events."""
    return f"table-{number}"


def code_column(name: str) -> str:
    """Column with the codes of an attribute of the items, or of what an event is of; no attribute has such a name."""
    return f"{CODE}{name}"


def clock_column(name: str) -> str:
    """Column of the events with a feature made from the time."""
    return f"_clock_{name}"


def entities(config: ImportConfig) -> list[str]:
    """What has codes beside the items."""
    user = any("user" in counter.of for counter in config.counters) or any(label.events for label in config.labels)
    of_tables: list[Entity] = [table.of for table in config.tables if table.of not in ("item", "time")]
    return list(dict.fromkeys([*(["user"] if user else []), *of_tables]))


def counted_attributes(config: ImportConfig) -> list[str]:
    """The item's attributes that counters have as keys."""
    return sorted({key for counter in config.counters for key in counter.of} - {"user", "item"})


def key_order(of: tuple[str, ...]) -> list[str]:
    """The parts of a counter's key, the one that may be largest first."""
    return sorted(of, key=lambda name: name != "user")


@dataclass(frozen=True)
class Table:
    """A table beside the events.

    Args:
        settings: of the table.
        since: when its rows hold from, by the code of their key.
        values: its features, one row for each of `since`.
    """

    settings: SideTable
    since: Timeline
    values: pa.Table

    def rows(self, keys: np.ndarray, times: np.ndarray) -> np.ndarray:
        """`[n]` the row of each key that holds at a time; -1 where none does."""
        return self.since.last(keys, times)

    def column(self, feature: Attribute, rows: np.ndarray) -> pa.Array:
        """A feature's values in some rows: binary or float32, a missing one "" or NaN."""
        return known(self.values[feature.name].combine_chunks().take(pa.array(rows, pa.int64(), mask=rows < 0)))


class Plan:
    """What is global, read from the files of an export.

    Args:
        config: of the import.
        folder: that `Export.write` wrote.

    Attributes:
        items: `items.parquet`, by code.
        clicks: when each item was clicked.
        tables: beside the events, of all but items.
        item_tables: of items.
        end: `[3]` seconds since 1970 at which nothing more is known in each split.
    """

    def __init__(self, config: ImportConfig, folder: str):
        self.config, self.folder = config, folder
        self.items = pq.read_table(os.path.join(folder, ITEMS_FILE))
        self.clicks = self._timeline(CLICKS_FILE)
        tables = [self._table(number, table) for number, table in enumerate(config.tables)]
        self.tables = [table for table in tables if table.settings.of != "item"]
        self.item_tables = [table for table in tables if table.settings.of == "item"]
        self._codes = {name: _codes(self.items[code_column(name)]) for name in counted_attributes(config)}
        with open(os.path.join(folder, GLOBAL_FILE), encoding="utf-8") as file:
            self._global = json.load(file)

    def ends(self, label: EventLabel) -> np.ndarray:
        """`[3]` seconds since 1970 from which on nothing that makes a label is known in each split.

        The log ends at `splits.until`, or with its last event where that lies further back than the label looks ahead.
        """
        last, until = self._global["last_event"] + 1, self._global["until"]
        splits = self.config.splits
        return np.array([int(splits.validation_from.timestamp()), int(splits.test_from.timestamp()),
                         until if last + (label.within or 0) >= until else last])

    def label(self, label: EventLabel) -> tuple[Timeline, np.ndarray]:
        """The events that make a label, by user and item, and the numbers of them."""
        file = os.path.join(self.folder, label_file(label.name))
        timeline = Timeline.load(file)
        values = pq.read_table(f"{file}.parquet", columns=["value"])["value"].to_numpy() if label.column else np.zeros(0)
        return timeline, values

    def counters(self) -> Iterator[tuple[Counter, Mapping[str, Timeline], Mapping[str, Timeline]]]:
        """The counters, with what they count by key, and in the whole log."""
        for counter in self.config.counted:
            of_all = {what: self._timeline(count_file((), what)) for what in (CLICKS, IMPRESSIONS)} if (
                RATE in counter.counts) else {}
            yield counter, {what: self._timeline(count_file(counter.of, what)) for what in counter.counted}, of_all

    def keys(self, counter: Counter, users: np.ndarray | None, items: np.ndarray | None) -> np.ndarray:
        """`[n]` the key of each user and item in a counter; -1 where the item has no such attribute."""
        key = None
        for name in key_order(counter.of):
            if name == "user":
                assert users is not None
                code, size = users.astype(np.int64), 0
            else:
                assert items is not None
                codes = np.arange(len(self.items)) if name == "item" else self._codes[name]
                code, size = codes[items].astype(np.int64), int(codes.max(initial=0)) + 1
            key = code if key is None else np.where((key < 0) | (code < 0), -1, key * size + code)
        assert key is not None
        return key

    def _timeline(self, name: str) -> Timeline:
        return Timeline.load(os.path.join(self.folder, name))

    def _table(self, number: int, settings: SideTable) -> Table:
        file = os.path.join(self.folder, table_file(number))
        return Table(settings, Timeline.load(file), pq.read_table(f"{file}.parquet"))


def known(values: pa.Array) -> pa.Array:
    """Binary texts or float32 numbers; missing ids are "", missing numbers NaN."""
    if pa.types.is_floating(values.type):
        return values.cast(pa.float32()).fill_null(float("nan"))
    return values.cast(pa.binary()).fill_null(b"")


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    return column.fill_null(-1).to_numpy()
