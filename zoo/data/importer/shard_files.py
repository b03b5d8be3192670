"""The events of all shards, sorted once, as one file a shard."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Column of a query that says which shard a row is of.
SHARD = "_shard"
_BATCH = 1 << 16


def write_shards(db: duckdb.DuckDBPyConnection, query: str, paths: Sequence[str]) -> None:
    """Writes the rows of a query to Parquet, one batch after the other, with one file open at a time.

    A query for each shard would read all events as often as there are shards.

    Args:
        db: the database.
        query: rows in order of `SHARD`, its last column, the number of their file.
        paths: of the files; one that no row belongs to is empty.
    """
    reader = db.sql(query).to_arrow_reader(_BATCH)
    schema = pa.schema(list(reader.schema)[:-1])
    with contextlib.ExitStack() as stack:
        left = iter(enumerate(paths))
        number, writer = next(left)[0], stack.enter_context(pq.ParquetWriter(paths[0], schema))
        for batch in reader:
            of = batch.columns[-1].to_numpy()
            rows = pa.RecordBatch.from_arrays(batch.columns[:-1], schema=schema)
            begins = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
            for begin, end in zip(begins, [*begins[1:], len(of)], strict=True):
                while number < of[begin]:
                    stack.close()
                    number, path = next(left)
                    writer = stack.enter_context(pq.ParquetWriter(path, schema))
                writer.write_batch(rows.slice(begin, end - begin))
        for _, path in left:
            pq.ParquetWriter(path, schema).close()
