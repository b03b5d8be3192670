"""The catalogue of a request log: one row an item and time, with what belongs to the item alone."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zoo import files
from zoo.schema import Feature, Schema

if TYPE_CHECKING:
    from zoo.data.request_log import RequestLog

CATALOGUE_FILE = "catalogue.parquet"
ITEM, VALID_FROM = "item", "valid_from"
_BATCH_ROWS = 10_000


class CatalogueError(ValueError):
    """A catalogue that can't be read or written; the message names the item, the column and the remedy."""


class CatalogueRow(NamedTuple):
    """What is known of an item from some time on.

    Args:
        item: its raw id.
        valid_from: seconds since 1970 from which this holds, until the item's next row.
        values: by feature name: a string (`id`, `text`) or a float; a list of strings where there are several values, with
            a list of floats under `<feature>_weight` where they are weighted; a list of `width` floats for a wider number.
            A missing id is "", a missing number NaN.
    """

    item: str
    valid_from: int
    values: Mapping[str, Any]


class Catalogue:
    """The items of a request log as they were at any time.

    Args:
        schema: of the log; its item columns are the catalogue's (`Schema.item_columns`).
        table: sorted by item and time, as `write_catalogue` leaves it.

    Attributes:
        items: the item of each row.
        since: seconds since 1970 from which each row holds.

    Example:
        >>> catalogue = RequestLog("runs/log").catalogue()
        >>> catalogue.as_of("i7", 1_700_006_400).values["category"]
        'c3'
    """

    def __init__(self, schema: Schema, table: pa.Table):
        self.schema, self.table = schema, table
        self.items = table[ITEM].combine_chunks()
        self.since = table[VALID_FROM].to_numpy()

    @classmethod
    def load(cls, log: RequestLog) -> Catalogue:
        """Reads the catalogue of a log.

        Raises:
            CatalogueError: the log has none, or one that does not fit its schema.
        """
        path = files.join(log.path, CATALOGUE_FILE)
        if not files.is_file(path):
            raise CatalogueError(f"{log.path} has no catalogue ({CATALOGUE_FILE} is missing); make the log anew, or write one "
                                 "with zoo.data.catalogue_writer.write_catalogue")
        return cls.read(path, log.schema)

    @classmethod
    def read(cls, path: files.PathLike, schema: Schema) -> Catalogue:
        """Reads a catalogue from a file.

        Args:
            path: of the file, a local path or a URI.
            schema: of the log; the catalogue must have its item columns, and no others.

        Raises:
            CatalogueError: the file has other columns, is none of Parquet, lacks a value, or has two rows of one item and time.
        """
        with files.local_copy(path) as local:
            try:
                table = pq.read_table(local)
            except (pa.ArrowException, OSError) as error:
                raise CatalogueError(f"{path}: not a Parquet file that can be read: {error}") from None
        expected = arrow_schema(schema)
        different = column_differences(expected, table.schema)
        if different:
            raise CatalogueError(f"{path} has other columns than the schema {schema.name!r} expects: {different}")
        table = table.select(expected.names)
        check_complete(table, str(path))
        if pc.any(pc.equal(table[ITEM], "")).as_py():
            raise CatalogueError(f"{path}, column {ITEM!r}: an item is named by a string that is not empty")
        catalogue = cls(schema, table)
        if not catalogue.is_sorted():
            catalogue = cls(schema, table.sort_by([(ITEM, "ascending"), (VALID_FROM, "ascending")]))
        catalogue.check_times()
        return catalogue

    def __len__(self) -> int:
        """Number of rows; an item may have several."""
        return len(self.since)

    @property
    def item_count(self) -> int:
        """Number of different items."""
        return int(self.last_of_item().sum())

    def rows(self) -> Iterator[CatalogueRow]:
        """All rows, by item and time."""
        for batch in self.table.to_batches(_BATCH_ROWS):
            for values in batch.to_pylist():
                yield CatalogueRow(values.pop(ITEM), values.pop(VALID_FROM), values)

    def as_of(self, item: str, time: int) -> CatalogueRow | None:
        """What was known of an item at a time.

        Args:
            item: its raw id.
            time: seconds since 1970.

        Returns:
            The latest row that holds from `time` or before; None for an item that was not there yet.
        """
        place = bisect.bisect_right(range(len(self)), (item, time),
                                    key=lambda row: (self.items[row].as_py(), int(self.since[row]))) - 1
        if place < 0 or self.items[place].as_py() != item:
            return None
        values = self.table.slice(place, 1).to_pylist()[0]
        return CatalogueRow(values.pop(ITEM), values.pop(VALID_FROM), values)

    def batches(self, size: int, time: int | None = None) -> Iterator[dict[str, list[Any]]]:
        """The items column by column, in the form of `Request.candidates`.

        Args:
            size: items a batch; the last one may have fewer.
            time: what was known then, one row an item; None gives every item's last row.

        Yields:
            Values by feature name, the item's among them.
        """
        holds = self.since <= time if time is not None else np.ones(len(self), bool)
        # A row holds until the item's next one does.
        holds &= self.last_of_item() | ~np.append(holds[1:], False)
        table = self.table.filter(pa.array(holds))
        name = item_feature(self.schema).name
        for first in range(0, len(table), size):
            columns = table.slice(first, size).to_pydict()
            del columns[VALID_FROM]
            yield {name: columns.pop(ITEM), **columns}

    def is_sorted(self) -> bool:
        """Whether the rows stand by item and time, as everything here expects."""
        if len(self) < 2:
            return True
        one, other = self.items[:-1], self.items[1:]
        times = pa.array(self.since[:-1] <= self.since[1:])
        return pc.all(pc.or_(pc.less(one, other), pc.and_(pc.equal(one, other), times))).as_py()

    def check_times(self) -> None:
        """That no item has two rows of one time.

        Raises:
            CatalogueError: naming the item and the time.
        """
        same = ~self.last_of_item()[:-1] & (self.since[1:] == self.since[:-1])
        if same.any():
            place = int(same.argmax())
            raise CatalogueError(f"item {self.items[place].as_py()!r}, column {VALID_FROM!r}: two rows hold from "
                                 f"{self.since[place]}; keep one of them")

    def last_of_item(self) -> np.ndarray:
        """Whether a row is the last one of its item."""
        if not len(self):
            return np.zeros(0, bool)
        return np.append(pc.not_equal(self.items[1:], self.items[:-1]).to_numpy(zero_copy_only=False), True)


def item_feature(schema: Schema) -> Feature:
    """The candidate feature that names the item.

    Raises:
        CatalogueError: the schema has none.
    """
    column = schema.candidate("item")
    if column is None:
        raise CatalogueError(f"schema {schema.name!r}: a catalogue needs a candidate feature with the role item")
    return column.feature


def catalogue_features(schema: Schema) -> list[Feature]:
    """The features that the catalogue has of each item, the item's own id left out.

    Raises:
        CatalogueError: one of them has a name that is taken.
    """
    features = [column.feature for column in schema.item_columns() if column.feature.role != "item"]
    for feature in features:
        if feature.name in (ITEM, VALID_FROM):
            raise CatalogueError(f"schema {schema.name!r}: the catalogue has a column {feature.name!r} of its own; give the "
                                 "candidate feature another name")
    return features


def check_complete(table: pa.Table, where: str) -> None:
    """That no value of a catalogue's table is null.

    Raises:
        CatalogueError: naming the column, and what stands for a missing value.
    """
    for name in table.column_names:
        if table[name].null_count:
            raise CatalogueError(f"{where}, column {name!r}: {table[name].null_count} values are missing; a missing id is '', "
                                 "a missing number NaN, and no values at all []")


def weight_column(feature: Feature) -> str:
    """Name of the column with the weights of a feature's values."""
    return f"{feature.name}_weight"


def arrow_schema(schema: Schema) -> pa.Schema:
    """The columns of a log's catalogue."""
    fields = [pa.field(ITEM, pa.string()), pa.field(VALID_FROM, pa.int64())]
    for feature in catalogue_features(schema):
        one = pa.float32() if feature.kind == "number" else pa.string()
        fields.append(pa.field(feature.name, pa.list_(one) if feature.multiple or feature.width > 1 else one))
        if feature.weighted:
            fields.append(pa.field(weight_column(feature), pa.list_(pa.float32())))
    return pa.schema(fields)


def column_differences(expected: pa.Schema, found: pa.Schema) -> str:
    """How columns differ from what is expected, in words; empty where they don't."""
    differences = [f"{field.name!r} is missing" if field.name not in found.names
                   else f"{field.name!r} is {found.field(field.name).type} and not {field.type}"
                   for field in expected if field.name not in found.names or found.field(field.name).type != field.type]
    differences += [f"{name!r} is not expected" for name in found.names if name not in expected.names]
    return ", ".join(differences)
