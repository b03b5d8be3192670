"""A Parquet file of samples that every project's reader understands: lists are texts with a separator (no import of ours)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SEPARATOR, HISTORY, ITEMS, CATEGORIES, USERS = "|", 50, 100_000, 1_000, 50_000
BATCH = 1_024
_ROWS = 50_000


def write_samples(path: Path, rows: int) -> None:
    """A row an impression: user, age, city, price, item, category, up to 50 past items with their categories, click, time.

    Args:
        path: to write.
        rows: how many.
    """
    rng = np.random.default_rng(0)
    category = pa.array([f"c{number}" for number in rng.integers(0, CATEGORIES, ITEMS).tolist()])
    item = pa.array([f"i{number}" for number in range(ITEMS)])
    writer = None
    for first in range(0, rows, _ROWS):
        count = min(_ROWS, rows - first)
        users, lengths = rng.integers(0, USERS, count), rng.integers(1, HISTORY + 1, count)
        # Ids by a power law.
        shown, past = ((ITEMS ** rng.random(size)).astype(np.int64) - 1 for size in (count, int(lengths.sum())))
        places = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())

        def texts(values: pa.Array, places=places) -> pa.Array:
            return pc.binary_join(pa.ListArray.from_arrays(places, values), SEPARATOR)

        table = pa.table({
            "user": [f"u{number}" for number in users.tolist()], "age": [f"a{number}" for number in (users % 7).tolist()],
            "city": [f"t{number}" for number in (users % 300).tolist()], "price": rng.lognormal(3, 1, count).astype(np.float32),
            "item": item.take(pa.array(shown)), "category": category.take(pa.array(shown)),
            "hist_item": texts(item.take(pa.array(past))), "hist_category": texts(category.take(pa.array(past))),
            "click": (rng.random(count) < 0.1).astype(np.int64),
            "time": 1_700_000_000 + (first + np.arange(count)) * 10 * 86_400 // rows})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
