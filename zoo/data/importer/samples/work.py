"""One shard of an import of samples, from its rows to the files of its requests; what a worker process does."""

from __future__ import annotations

import functools
import pickle
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zoo.data.importer.samples.batches import RequestBatches
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.items import Items
from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.shards import Shard
from zoo.data.log_shard import LogShard


class Made(NamedTuple):
    """What a shard gave.

    Args:
        counts: of its requests, by split.
        notes: counts of what was done otherwise than asked.
        rows: how many rows it had.
        late: how many of them lie at or after the end of the test split.
        rejected: rows that can't be used: `file`, `row`, `reason`.
        items: file with the items of its candidates; None where there are none.
    """

    counts: dict[str, dict[str, Any]]
    notes: dict[str, int]
    rows: int
    late: int
    rejected: pa.Table
    items: str | None


def make_shard(plan: Plan, shard: Shard, log: str) -> Made:
    """Makes the requests of one shard.

    Args:
        plan: of the import.
        shard: the rows.
        log: folder of the log that is being written.
    """
    cast, items = Caster(plan.config), load_items(plan.catalogue) if plan.catalogue else None
    notes, late, rows = Counter(), 0, 0
    rejected: list[tuple[np.ndarray, np.ndarray, str]] = []
    described: list[pa.Table] = []
    with LogShard(log, plan.schema, shard.number) as writer:
        for table in shard.tables():
            made = RequestBatches(plan, table, shard.before, cast, items)
            for split, batch in made.batches():
                writer.write(split, batch)
            notes.update(made.notes)
            rejected += made.rejected()
            described += [made.items] if made.items is not None and len(made.items) else []
            late, rows = late + made.late, rows + len(table)
    found = None
    if described:
        found = f"{shard.paths[0]}.items.parquet"
        pq.write_table(pa.concat_tables(described), found)
    return Made(writer.counts, {name: count for name, count in notes.items() if count}, rows, late, _table(rejected), found)


def save_items(items: Items, path: str) -> None:
    """Writes a catalogue for the processes that work on shards."""
    Path(path).write_bytes(pickle.dumps(items))


@functools.lru_cache(maxsize=1)
def load_items(path: str) -> Items:
    """Reads what `save_items` wrote, once a process."""
    return pickle.loads(Path(path).read_bytes())


def _table(rejected: list[tuple[np.ndarray, np.ndarray, str]]) -> pa.Table:
    reasons = pa.array([reason for _, _, reason in rejected], pa.string())
    which = np.repeat(np.arange(len(rejected)), [len(rows) for _, rows, _ in rejected])
    files, rows = ([np.zeros(0, np.int64), *(part[number] for part in rejected)] for number in (0, 1))
    return pa.table({"file": np.concatenate(files).astype(np.int64), "row": np.concatenate(rows).astype(np.int64),
                     "reason": reasons.take(pa.array(which, pa.int64()))})
