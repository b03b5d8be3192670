"""One file a split of a request log that is being written, and the counts of what went into it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from zoo import files
from zoo.data.columnar import check_batch, counts, encode
from zoo.data.layout import POOLS, SHARDS, SPLITS
from zoo.schema import Schema

# What a process needs that writes shards, and which is not loaded where they are only divided.
PRELOAD = ("zoo.keras",)
# A log is written once and read a few times: at level 6, a third of the speed for a tenth less room.
_LEVEL = 1
# Requests a file, where nothing else divides them: enough that opening it is nothing, few enough that processes share a log.
SHARD_REQUESTS = 50_000


def shard_path(folder: str, split: str, number: int) -> str:
    """Where a shard of a split lies."""
    return files.join(folder, split, SHARDS.replace("*", f"{number:05d}"))


@contextlib.contextmanager
def open_shard(path: str) -> Iterator[Any]:
    """A writer of serialized examples. Where TensorFlow can't write, the file gets to its place when it is complete."""
    from zoo.keras import tf

    with contextlib.ExitStack() as stack:
        local = path if files.tensorflow_reads(path) else stack.enter_context(files.local_draft(path))
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=_LEVEL)
        yield stack.enter_context(tf.io.TFRecordWriter(local, options))


def room(folder: str) -> str:
    """Where shards of a log take room while they are written."""
    return folder if files.tensorflow_reads(folder) else tempfile.gettempdir()


def empty_count() -> dict[str, Any]:
    """Of a split without requests."""
    return {"requests": 0, "candidates": 0, "positives": {}, "first_time": None, "last_time": None, "truncated_sequences": 0}


def add_count(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds the count of further requests of the same split."""
    for name in ("requests", "candidates", "truncated_sequences"):
        total[name] += more[name]
    for task, positives in more["positives"].items():
        total["positives"][task] = total["positives"].get(task, 0) + positives
    for name, take in (("first_time", min), ("last_time", max)):
        known = [one[name] for one in (total, more) if one[name] is not None]
        total[name] = take(known) if known else None


class LogShard:
    """Writes batches of requests into files of their own, beside those of other shards of the same log.

    Args:
        folder: of the log that is being written (`RequestLogWriter.partial`), with a folder for each split.
        schema: of the log.
        number: of the shard.

    Attributes:
        counts: of what was written, by split, for `RequestLogWriter.add`.

    Example:
        >>> with LogShard(log.partial, schema, 3) as shard:
        ...     shard.write("train", batch)
        >>> log.add(shard.counts)
    """

    def __init__(self, folder: str, schema: Schema, number: int):
        self.folder, self.schema, self.number = folder, schema, number
        self.counts = {split: empty_count() for split in (*SPLITS, POOLS)}
        self._writers: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Appends the requests of a batch to a split.

        Raises:
            RequestError: one does not fit the schema.
            FileError: the folder is full, read-only or closed.
        """
        check_batch(self.schema, batch)
        with files.writing(room(self.folder)):
            if split not in self._writers:
                self._writers[split] = self._stack.enter_context(open_shard(shard_path(self.folder, split, self.number)))
            for serialized in encode(batch):
                self._writers[split].write(serialized)
        add_count(self.counts[split], counts(self.schema, batch))

    def __enter__(self) -> LogShard:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with files.writing(room(self.folder)):
            self._stack.__exit__(kind, error, trace)
