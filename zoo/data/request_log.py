"""A request log on disk: sharded TFRecords of tf.Examples by split, with the schema and a manifest beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.data.example import from_example, to_example
from zoo.data.request import Request
from zoo.keras import tf
from zoo.schema import Schema

SPLITS = ("train", "validation", "test")
_SUFFIX = ".partial"


class RequestLogError(ValueError):
    """A request log that can't be read or written."""


class RequestLogWriter:
    """Writes a request log; the folder appears under its name only when everything is written.

    The layout is `schema.yaml`, `manifest.json` and `<split>/requests-00000.tfrecord.gz`, … for the splits `train`,
    `validation` and `test`.

    Args:
        path: the folder to make.
        schema: declares the columns.
        source: what made the log (settings, origin); kept in the manifest.
        shard_size: requests a file.
        overwrite: replace an existing log instead of refusing.

    Example:
        >>> with RequestLogWriter("runs/log", schema, source={"kind": "simulator"}) as log:
        ...     log.write("train", request)
    """

    def __init__(self, path: str | Path, schema: Schema, source: dict[str, Any], shard_size: int = 50_000,
                 overwrite: bool = False):
        self.path, self.schema, self.source, self.shard_size = Path(path), schema, source, shard_size
        if self.path.exists() and not overwrite:
            raise RequestLogError(f"{self.path} exists already; choose another folder or ask for overwriting")
        self.partial = self.path.with_name(self.path.name + _SUFFIX)
        shutil.rmtree(self.partial, ignore_errors=True)
        for split in SPLITS:
            (self.partial / split).mkdir(parents=True)
        self.counts = {split: _empty_count() for split in SPLITS}
        self.notes: dict[str, Any] = {}
        self._writers: dict[str, Any] = {}

    def write(self, split: str, request: Request) -> None:
        """Appends a request to a split; raises `RequestError` where it does not fit the schema."""
        count = self.counts[split]
        serialized = to_example(self.schema, request)
        if count["requests"] % self.shard_size == 0:
            self._close(split)
            shard = self.partial / split / f"requests-{count['requests'] // self.shard_size:05d}.tfrecord.gz"
            self._writers[split] = tf.io.TFRecordWriter(str(shard), tf.io.TFRecordOptions(compression_type="GZIP"))
        self._writers[split].write(serialized)
        count["requests"] += 1
        count["candidates"] += request.candidate_count
        for label in self.schema.labels:
            positives = sum(1 for value in request.labels[label.name] if value > 0)
            count["positives"][label.name] = count["positives"].get(label.name, 0) + positives
        for sequence in self.schema.sequences:
            length = len(request.sequences[sequence.name][sequence.fields[0].name])
            count["truncated_sequences"] += length > sequence.max_length
        first, last = count["first_time"], count["last_time"]
        count["first_time"] = request.time if first is None else min(first, request.time)
        count["last_time"] = request.time if last is None else max(last, request.time)

    def __enter__(self) -> RequestLogWriter:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for split in SPLITS:
            self._close(split)
        if kind is not None:
            shutil.rmtree(self.partial, ignore_errors=True)
            return
        empty = [split for split in SPLITS if not self.counts[split]["requests"]]
        if empty:
            shutil.rmtree(self.partial, ignore_errors=True)
            raise RequestLogError(f"{self.path}: no request fell into {' and '.join(empty)}; "
                                  "check the times that divide the splits")
        self.schema.save(self.partial / "schema.yaml")
        manifest = {"name": self.schema.name, "source": self.source, "splits": self.counts, **self.notes}
        (self.partial / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        if self.path.exists():
            shutil.rmtree(self.path)
        self.partial.rename(self.path)

    def _close(self, split: str) -> None:
        writer = self._writers.pop(split, None)
        if writer is not None:
            writer.close()


class RequestLog:
    """A request log that was written before.

    Args:
        path: its folder.

    Raises:
        RequestLogError: the folder holds no complete request log.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        for name in ("schema.yaml", "manifest.json"):
            if not (self.path / name).is_file():
                raise RequestLogError(f"{self.path} is not a request log: {name} is missing; make one with "
                                      "`zoo data import` or `zoo data simulate`")
        self.schema = Schema.load(self.path / "schema.yaml")
        self.manifest = json.loads((self.path / "manifest.json").read_text())

    def files(self, split: str) -> list[str]:
        """Paths of the shards of a split, in order."""
        return sorted(str(path) for path in (self.path / split).glob("*.tfrecord.gz"))

    def serialized(self, split: str) -> Iterator[bytes]:
        """The serialized tf.Examples of a split, in order."""
        for record in tf.data.TFRecordDataset(self.files(split), compression_type="GZIP"):
            yield record.numpy()

    def requests(self, split: str) -> Iterator[Request]:
        """The requests of a split, in order."""
        for serialized in self.serialized(split):
            yield from_example(self.schema, serialized)


def _empty_count() -> dict[str, Any]:
    return {"requests": 0, "candidates": 0, "positives": {}, "first_time": None, "last_time": None,
            "truncated_sequences": 0}
