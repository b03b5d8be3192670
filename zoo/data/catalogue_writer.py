"""Writes catalogues: every row checked against the schema, sorted by item and time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zoo import files
from zoo.config import nearest
from zoo.data.catalogue import (
    ITEM,
    VALID_FROM,
    Catalogue,
    CatalogueError,
    CatalogueRow,
    arrow_schema,
    catalogue_features,
    check_complete,
    item_feature,
    weight_column,
)
from zoo.schema import Feature, Schema

_BATCH_ROWS = 10_000


def write_catalogue(path: files.PathLike, schema: Schema, rows: Iterable[CatalogueRow]) -> dict[str, int]:
    """Writes a catalogue as Parquet, sorted by item and time.

    Rows may come in any order and are packed as they come: a million items need some hundred MB.

    Args:
        path: of the file, a local path or a URI.
        schema: of the request log.
        rows: of the items.

    Returns:
        `rows` and `items`, how many there are.

    Raises:
        CatalogueError: a row does not fit the schema, or an item has two rows of one time.
    """
    arrow, checks, item_name = arrow_schema(schema), _checks(schema), item_feature(schema).name
    batches: list[pa.RecordBatch] = []
    waiting: dict[str, list[Any]] = {name: [] for name in arrow.names}

    def pack() -> None:
        arrays = [pa.array(waiting[field.name], field.type) for field in arrow]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=arrow))
        for values in waiting.values():
            values.clear()

    for row in rows:
        _check_row(row, checks, item_name)
        waiting[ITEM].append(row.item)
        waiting[VALID_FROM].append(row.valid_from)
        for name in checks:
            waiting[name].append(row.values[name])
        if len(waiting[ITEM]) == _BATCH_ROWS:
            pack()
    pack()
    return write_catalogue_table(path, schema, pa.Table.from_batches(batches, arrow))


def write_catalogue_table(path: files.PathLike, schema: Schema, table: pa.Table) -> dict[str, int]:
    """Writes a catalogue of rows that stand in the columns of `zoo.data.catalogue.arrow_schema` already.

    Args:
        path: of the file, a local path or a URI.
        schema: of the request log.
        table: the rows, in any order.

    Returns:
        `rows` and `items`, how many there are.

    Raises:
        CatalogueError: the columns are others, a value is missing, or an item has two rows of one time.
    """
    expected = arrow_schema(schema)
    if table.schema != expected:
        raise CatalogueError(f"a catalogue of {schema.name!r} has other columns than its schema: expected {expected}, got "
                             f"{table.schema}")
    check_complete(table, f"a catalogue of {schema.name!r}")
    table = table.take(pc.sort_indices(table, sort_keys=[(ITEM, "ascending"), (VALID_FROM, "ascending")]))
    catalogue = Catalogue(schema, table)
    catalogue.check_times()
    with files.local_draft(path) as local:
        pq.write_table(table, local)
    return {"rows": len(catalogue), "items": catalogue.item_count}


def _checks(schema: Schema) -> dict[str, Feature | None]:
    """By column of a row's values: its feature; None for the weights of the one before."""
    checks: dict[str, Feature | None] = {}
    for feature in catalogue_features(schema):
        checks[feature.name] = feature
        if feature.weighted:
            checks[weight_column(feature)] = None
    return checks


def _check_row(row: CatalogueRow, checks: Mapping[str, Feature | None], item_name: str) -> None:
    def fail(column: str, message: str) -> None:
        raise CatalogueError(f"item {row.item!r}, column {column!r}: {message}")

    if not isinstance(row.item, str) or not row.item:
        fail(ITEM, f"an item is named by a string that is not empty (the log's {item_name!r}); got {row.item!r}")
    if isinstance(row.valid_from, bool) or not isinstance(row.valid_from, (int, np.integer)):
        fail(VALID_FROM, f"expected whole seconds since 1970, got {row.valid_from!r}")
    for name in row.values.keys() - checks.keys():
        fail(name, f"the schema has no such item column{nearest(name, checks.keys() - row.values.keys())}")
    for name, feature in checks.items():
        if name not in row.values:
            fail(name, "the value is missing; a missing id is '', a missing number NaN, and no values at all []")
        value = row.values[name]
        if feature is None:
            several = row.values[name.removesuffix("_weight")]
            if not _is_list(value) or not all(map(_is_number, value)) or len(value) != len(several):
                fail(name, f"expected a weight for each of the {len(several)} values, got {value!r}")
        elif feature.kind != "number":
            if feature.multiple and not (_is_list(value) and all(isinstance(one, str) for one in value)):
                fail(name, f"expected a list of strings, got {value!r}")
            if not feature.multiple and not isinstance(value, str):
                fail(name, f"expected a string, got {value!r} ({type(value).__name__})")
        elif feature.width > 1:
            if not _is_list(value) or not all(map(_is_number, value)) or len(value) != feature.width:
                fail(name, f"expected {feature.width} numbers, got {value!r}")
        elif not _is_number(value):
            fail(name, f"expected a number, got {value!r} ({type(value).__name__})")


def _is_list(value: Any) -> bool:
    return isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, (bool, np.ndarray))
