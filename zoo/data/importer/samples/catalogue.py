"""The catalogue of a log of samples: of each item the rows from when something else was said of it."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from zoo.data.catalogue import ITEM, VALID_FROM, arrow_schema
from zoo.data.columnar import lists
from zoo.data.importer.samples.items import Items
from zoo.data.importer.samples.plan import FILE, ROW
from zoo.data.importer.samples.ragged import one_array
from zoo.data.importer.sources import literal, quote
from zoo.schema import Schema


def described_by(schema: Schema) -> list[str]:
    """The columns of a log's catalogue that say something of items."""
    return [name for name in arrow_schema(schema).names if name not in (ITEM, VALID_FROM)]


def seen_items(db: duckdb.DuckDBPyConnection, names: Sequence[str], paths: Sequence[str]) -> tuple[pa.Table, int]:
    """What candidates said of their items, from the first time that they said it.

    Of what is said at one time, what stands first in the table counts.

    Args:
        db: to work in.
        names: of the columns that say it.
        paths: files with the items of all candidates.

    Returns:
        The catalogue's rows, and how many times of an item there are at which something else is said, too.
    """
    if not paths:
        return pa.table({ITEM: pa.array([], pa.string()), VALID_FROM: pa.array([], pa.int64())}), 0
    rows = f"read_parquet([{', '.join(map(literal, paths))}])"
    said = f"struct_pack({', '.join(f'{quote(name)} := {quote(name)}' for name in names)})" if names else "1"
    db.execute(f"CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM (SELECT item, valid_from, {FILE}, {ROW}, {said} AS said, "
               f"lag(said) OVER (PARTITION BY item ORDER BY valid_from, {FILE}, {ROW}) AS before FROM {rows}) "
               "WHERE said IS DISTINCT FROM before")
    values = "".join(f", said.{quote(name)} AS {quote(name)}" for name in names)
    found = db.sql(f"SELECT item, valid_from{values} FROM said QUALIFY row_number() OVER (PARTITION BY item, valid_from "
                   f"ORDER BY {FILE}, {ROW}) = 1 ORDER BY item, valid_from").to_arrow_table()
    times = db.execute("SELECT count(*) FROM (SELECT 1 FROM said GROUP BY item, valid_from HAVING count(*) > 1)").fetchall()
    return found, times[0][0]


def joined_items(items: Items, schema: Schema, unknown: pa.Table) -> pa.Table:
    """The rows of a catalogue that was joined, and those of candidates that it does not have.

    Args:
        items: the catalogue.
        schema: of the log.
        unknown: `item` and `valid_from` of the others.
    """
    arrow, rows = arrow_schema(schema), np.concatenate([np.arange(len(items)), np.full(len(unknown), len(items))])
    columns = {ITEM: pa.concat_arrays([items.names.take(pa.array(items.item)).cast(pa.string()),
                                       one_array(unknown[ITEM]).cast(pa.string())]),
               VALID_FROM: pa.concat_arrays([pa.array(items.since), one_array(unknown[VALID_FROM]).cast(pa.int64())])}
    for name in items.fields:
        field = items.fields[name].take(rows)
        if field.counts is not None:
            columns[name] = lists(field.values, field.counts)
            if field.weights is not None:
                columns[f"{name}_weight"] = lists(field.weights, field.counts)
        else:
            columns[name] = field.values if field.width == 1 else lists(field.values, np.full(len(field), field.width))
    return pa.table([columns[name].cast(arrow.field(name).type) for name in arrow.names], schema=arrow)
