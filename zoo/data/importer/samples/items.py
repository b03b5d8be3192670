"""A table of items beside the samples, by id and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.feature_places import Shape
from zoo.data.importer.samples.fields import Field, FieldReader
from zoo.data.importer.samples.plan import Reasons
from zoo.data.importer.samples.raw import RawTable

_TIME_BITS = 34
NOWHERE = -1


@dataclass(frozen=True)
class Items:
    """Rows of items, sorted by item and time.

    Args:
        names: `[I]` the items, binary, each once.
        item: `[K]` the place of each row's item in `names`.
        since: `[K]` from when each row holds, seconds since 1970.
        fields: the features of the rows, and of one row more, which stands for items that are not there.
    """

    names: pa.Array
    item: np.ndarray
    since: np.ndarray
    fields: dict[str, Field]

    def __len__(self) -> int:
        return len(self.item)

    def rows(self, items: pa.Array, times: np.ndarray) -> np.ndarray:
        """The row that holds for each item at a time; `NOWHERE` where there is none.

        Args:
            items: `[n]` binary.
            times: `[n]` seconds since 1970.
        """
        found = pc.fill_null(pc.index_in(items, value_set=self.names), -1).to_numpy(zero_copy_only=False).astype(np.int64)
        key = (self.item << _TIME_BITS) + self.since
        row = np.searchsorted(key, (found << _TIME_BITS) + times, side="right") - 1
        there = (found >= 0) & (row >= 0) & (self.item[np.maximum(row, 0)] == found)
        return np.where(there, row, NOWHERE)

    def describe(self, name: str, rows: np.ndarray) -> Field:
        """A feature of some rows, missing `NOWHERE`."""
        return self.fields[name].take(np.where(rows == NOWHERE, len(self), rows))


def read_items(config: SamplesConfig, shapes: Mapping[str, Shape], raw: RawTable) -> tuple[Items, dict[str, int]]:
    """Reads the catalogue of an import.

    Args:
        config: of the import, with the catalogue's own way of writing files.
        shapes: of the features, by their column in the log.
        raw: the rows of the table.

    Returns:
        The items, and how many rows could not be used, by reason.
    """
    table = config.catalogue
    assert table is not None
    cast, reasons = Caster(config), Reasons(len(raw))
    names = cast(raw.column(table.key), "text").values
    reasons.add(pc.equal(names, b"").to_numpy(zero_copy_only=False), "no item")
    since = np.zeros(len(raw), np.int64)
    if table.time:
        moments = cast(raw.column(table.time), "moment").values.to_numpy()
        reasons.add(np.isnan(moments), "time can not be read")
        # What held before 1970 held from the beginning, and what will hold after all requests never does.
        since = np.clip(np.floor(np.nan_to_num(moments)), 0, (1 << _TIME_BITS) - 1).astype(np.int64)
    fields = {}
    reader = FieldReader(cast, raw.where)
    for feature in table.features:
        shape = shapes[f"candidate_{feature.name}"]
        fields[feature.name], wrong = reader.read(
            feature, shape, lambda inner, source, feature=feature: raw.request(feature, inner, source))[1]
        for bad in wrong:
            reasons.add(bad.places, bad.reason)
    unique = pc.unique(names.filter(pa.array(reasons.good)))
    item = pc.fill_null(pc.index_in(names, value_set=unique), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.flatnonzero(reasons.good)
    rows = rows[np.lexsort((rows, since[rows], item[rows]))]
    # Of two rows of one item and time the later one in the file counts.
    last = np.append((item[rows][1:] != item[rows][:-1]) | (since[rows][1:] != since[rows][:-1]), True)[:len(rows)]
    notes = {f"catalogue_rows_left_out_{reason.replace(' ', '_')}": len(found) for found, reason in reasons.found()}
    notes["catalogue_rows_that_a_later_one_replaces"] = int((~last).sum())
    rows = rows[last]
    return Items(unique, item[rows], since[rows], {name: _with_none(field.take(rows)) for name, field in fields.items()}), notes


def _with_none(field: Field) -> Field:
    """A field with one more place, where nothing is known."""
    if field.counts is None:
        missing = pa.array([b""] if pa.types.is_binary(field.values.type) else [float("nan")] * field.width, field.values.type)
        return Field(pa.concat_arrays([field.values, missing]), width=field.width)
    return Field(field.values, np.append(field.counts, 0), field.weights)
