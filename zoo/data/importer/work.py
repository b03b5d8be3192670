"""One shard of an import, from its events to the files of its requests; what a worker process does."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from zoo.data.importer.columns import RequestColumns
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.plan import Plan, shard_file
from zoo.data.importer.shard import Events
from zoo.data.log_shard import LogShard


class Made(NamedTuple):
    """What a shard gave.

    Args:
        counts: of its requests, by split.
        notes: counts of what was done otherwise than asked.
        candidates: codes of the items that are candidates of its requests, and since when.
    """

    counts: dict[str, dict[str, Any]]
    notes: dict[str, int]
    candidates: tuple[np.ndarray, np.ndarray]

    def to_json(self) -> str:
        """As text, for a worker that hands it on in a file."""
        return json.dumps([self.counts, self.notes, [column.tolist() for column in self.candidates]])

    @classmethod
    def from_json(cls, text: str) -> Made:
        """The inverse of `to_json`."""
        counts, notes, (codes, since) = json.loads(text)
        return cls(counts, notes, (np.array(codes, np.int64), np.array(since, np.int64)))


def make_shard(config: ImportConfig, plan: str, shard: int, log: str) -> Made:
    """Makes the requests of one shard.

    Args:
        config: of the import.
        plan: folder that `Export.write` wrote.
        shard: its number.
        log: folder of the log that is being written.
    """
    events = Events.of(pq.read_table(os.path.join(plan, shard_file(shard))))
    columns = RequestColumns(config, Plan(config, plan), events)
    with LogShard(log, config.schema(), shard) as writer:
        for split, batch in columns.batches():
            writer.write(split, batch)
    codes = np.unique(columns.requests.items)
    return Made(writer.counts, {name: count for name, count in columns.notes.items() if count},
                (codes, columns.candidate_since[codes]))
