"""A request log: sharded TFRecords of tf.Examples by split, with the schema, a manifest and a catalogue beside them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from zoo import files
from zoo.data.catalogue import CATALOGUE_FILE, Catalogue, CatalogueRow
from zoo.data.catalogue_writer import write_catalogue, write_catalogue_table
from zoo.data.example import from_example, to_example
from zoo.data.layout import POOLS, SHARDS, SPLITS
from zoo.data.log_shard import SHARD_REQUESTS, add_count, empty_count, open_shard, room, shard_path
from zoo.data.request import Request
from zoo.files import PathLike
from zoo.schema import Schema

SCHEMA_FILE = "schema.yaml"
MANIFEST_FILE = "manifest.json"
_PARTIAL = ".partial"


class RequestLogError(ValueError):
    """A request log that can't be read or written."""


class RequestLogWriter:
    """Writes a request log, which is there only when everything is written.

    The layout is `schema.yaml`, `manifest.json`, `catalogue.parquet` and `<split>/requests-00000.tfrecord.gz`, … for the
    splits `train`, `validation` and `test`, and for `pools` where something is written to it. Where folders can be renamed the
    log appears under its name at once; elsewhere (in object stores) its manifest is written last, and without it the folder is
    no log.

    Args:
        path: the folder to make, a local path or a URI.
        schema: declares the columns.
        source: what made the log (settings, origin); kept in the manifest.
        shard_size: requests a file.
        overwrite: replace an existing log instead of refusing. An object store loses the old one at the start.

    Attributes:
        partial: the folder that is written to.
        notes: further entries of the manifest.

    Raises:
        RequestLogError: the folder is there already, or a split stays empty.
        FileError: the folder is full, read-only or closed.

    Example:
        >>> with RequestLogWriter("runs/log", schema, source={"kind": "simulator"}) as log:
        ...     log.write("train", request)
        ...     log.write_catalogue([CatalogueRow("i7", 1_700_006_400, {"category": "c3"})])
    """

    def __init__(self, path: PathLike, schema: Schema, source: dict[str, Any], shard_size: int = SHARD_REQUESTS,
                 overwrite: bool = False):
        self.path, self.schema, self.source, self.shard_size = files.normal(path), schema, source, shard_size
        if files.exists(self.path) and not overwrite:
            raise RequestLogError(f"{self.path} exists already; choose another folder or ask for overwriting")
        self.partial = self.path + _PARTIAL if files.renames_folders(self.path) else self.path
        self.counts = {split: empty_count() for split in (*SPLITS, POOLS)}
        self.notes: dict[str, Any] = {}
        self._catalogue: dict[str, int] | None = None
        self._shards: dict[str, contextlib.ExitStack] = {}
        self._writers: dict[str, Any] = {}
        with files.writing(self.path), contextlib.ExitStack() as undo:
            undo.callback(files.remove, self.partial)
            files.remove(files.join(self.partial, MANIFEST_FILE))
            files.remove(self.partial)
            for split in (*SPLITS, POOLS):
                files.make_dirs(files.join(self.partial, split))
            undo.pop_all()

    def write(self, split: str, request: Request) -> None:
        """Appends a request to a split; raises `RequestError` where it does not fit the schema."""
        serialized = to_example(self.schema, request)
        with files.writing(room(self.partial)):
            number, place = divmod(self.counts[split]["requests"], self.shard_size)
            if place == 0:
                self._open_shard(split, number)
            self._writers[split].write(serialized)
        self._count(split, request)

    def add(self, counts: Mapping[str, dict[str, Any]]) -> None:
        """Takes the counts of a `LogShard` that was written into `partial`."""
        for split, count in counts.items():
            add_count(self.counts[split], count)

    def write_catalogue(self, rows: Iterable[CatalogueRow] | pa.Table) -> None:
        """Writes what belongs to the items alone, once; raises `CatalogueError` where a row does not fit the schema."""
        path = files.join(self.partial, CATALOGUE_FILE)
        with files.writing(self.path):
            self._catalogue = (write_catalogue_table(path, self.schema, rows) if isinstance(rows, pa.Table)
                               else write_catalogue(path, self.schema, rows))

    def __enter__(self) -> RequestLogWriter:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with contextlib.ExitStack() as undo:
            undo.callback(files.remove, self.partial)
            if kind is not None:
                # What can't be written to can't be closed either; the first error says why.
                if self._shards:
                    from zoo.keras import tf

                    with contextlib.suppress(OSError, tf.errors.OpError, files.FileError):
                        self._close_shards(kind, error, trace)
                return
            with files.writing(self.path):
                self._close_shards(None, None, None)
                self._finish()
            undo.pop_all()

    def _finish(self) -> None:
        empty = [split for split in SPLITS if not self.counts[split]["requests"]]
        if empty:
            raise RequestLogError(f"{self.path}: no request fell into {' and '.join(empty)}; "
                                  "check the times that divide the splits")
        if not self.counts[POOLS]["requests"]:
            files.remove(files.join(self.partial, POOLS))
        self.schema.save(files.join(self.partial, SCHEMA_FILE))
        counts = {split: count for split, count in self.counts.items() if count["requests"]}
        manifest = {"name": self.schema.name, "source": self.source, "splits": counts,
                    "catalogue": self._catalogue, **self.notes}
        files.write_text(files.join(self.partial, MANIFEST_FILE), json.dumps(manifest, indent=2) + "\n")
        if self.partial != self.path:
            files.remove(self.path)
            files.move(self.partial, self.path)

    def _open_shard(self, split: str, number: int) -> None:
        if split in self._shards:
            self._shards.pop(split).close()
        self._shards[split] = shard = contextlib.ExitStack()
        self._writers[split] = shard.enter_context(open_shard(shard_path(self.partial, split, number)))

    def _close_shards(self, kind: Any, error: Any, trace: Any) -> None:
        while self._shards:
            self._shards.popitem()[1].__exit__(kind, error, trace)

    def _count(self, split: str, request: Request) -> None:
        count = self.counts[split]
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


class RequestLog:
    """A request log that was written before.

    Args:
        path: its folder, a local path or a URI.
        labels: only these of its labels are read; all of them by default (`Schema.only`).

    Raises:
        RequestLogError: the folder holds no complete request log.
        ConfigError: it has no such label.
        FileError: nothing reaches the URI.
    """

    def __init__(self, path: PathLike, labels: Collection[str] = ()):
        self.path = files.normal(path)
        for name in (SCHEMA_FILE, MANIFEST_FILE):
            if not files.is_file(files.join(self.path, name)):
                raise RequestLogError(f"{self.path} is not a request log: {name} is missing; make one with "
                                      "`zoo data import` or `zoo data simulate`")
        schema = Schema.load(files.join(self.path, SCHEMA_FILE))
        self.schema = schema.only(labels) if labels else schema
        self.manifest = json.loads(files.read_text(files.join(self.path, MANIFEST_FILE)))

    @property
    def splits(self) -> list[str]:
        """The splits that it has."""
        return list(self.manifest["splits"])

    def files(self, split: str) -> list[str]:
        """Paths of the shards of a split, in order."""
        return files.glob(files.join(self.path, split), SHARDS)

    def serialized(self, split: str) -> Iterator[bytes]:
        """The serialized tf.Examples of a split, in order."""
        from zoo.keras import tf

        for path in self.files(split):
            with contextlib.nullcontext(path) if files.tensorflow_reads(path) else files.local_copy(path) as local:
                for record in tf.data.TFRecordDataset(local, compression_type="GZIP"):
                    yield record.numpy()

    def catalogue(self) -> Catalogue | None:
        """What belongs to the items alone, and since when; None for a log that was written without."""
        return Catalogue.load(self) if files.is_file(files.join(self.path, CATALOGUE_FILE)) else None

    def requests(self, split: str) -> Iterator[Request]:
        """The requests of a split, in order."""
        for serialized in self.serialized(split):
            yield from_example(self.schema, serialized)
