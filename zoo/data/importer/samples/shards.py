"""The rows of a table in files, each of which a process makes requests of."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import dataset

from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.plan import FILE
from zoo.data.importer.samples.table import SampleTable
from zoo.data.importer.sources import quote
from zoo.data.importer.sql import text_of

# Of rows that are put together by request, what a process works on at a time; it needs a few times as much memory.
_SHARD_BYTES = 64 << 20
# Of rows as they come, how many batches one file of the log is made of.
_SHARD_BATCHES = 8
_SHARD = "_shard"


class Shard(NamedTuple):
    """Rows that one process makes requests of.

    Args:
        number: of the shard.
        paths: files with batches of rows.
        whole: whether all rows belong together, or each batch stands for itself.
        before: rows of the table before the first file's.
    """

    number: int
    paths: list[str]
    whole: bool
    before: int = 0

    def tables(self) -> Iterator[pa.Table]:
        """The rows, as much as is worked on at a time."""
        if self.whole:
            yield pa.concat_tables([_read(path) for path in self.paths]).combine_chunks()
            return
        for path in self.paths:
            with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])


def as_they_come(table: SampleTable, folder: str) -> Iterator[Shard]:
    """Shards of rows that are requests of their own, each made when it is asked for."""
    number, before = 0, 0
    for file in range(len(table.inputs)):
        batches, rows = table.batches(file), 0
        while some := list(itertools.islice(batches, _SHARD_BATCHES)):
            path = os.path.join(folder, f"rows-{number:06d}.arrow")
            with pa.OSFile(path, "wb") as out, pa.ipc.new_stream(out, some[0].schema) as writer:
                for batch in some:
                    writer.write_batch(batch)
            yield Shard(number, [path], False, before)
            number, rows = number + 1, rows + sum(map(len, some))
        before += rows


class ByRequest:
    """Shards that have all rows of each of their requests.

    Args:
        table: the rows.
        config: names the columns of user and request.
        folder: for the rows.

    Attributes:
        shards: the rows.
    """

    def __init__(self, table: SampleTable, config: SamplesConfig, folder: str):
        self.table, self.folder = table, folder
        self.db = table.db.cursor()
        self.db.execute("CREATE TABLE keys (file INTEGER, request UBIGINT, user UBIGINT)")
        columns, count = config.columns, max(1, -(-table.bytes // _SHARD_BYTES))
        request, user = (f"coalesce({text_of(quote(name), table.types[name], config.files.missing)}, '')"
                         for name in (columns.request or columns.user, columns.user))
        more = {_SHARD: f"CAST(hash({request}, {user}) % {count} AS INTEGER)", "_request": f"hash({request})",
                "_user": f"hash({user})"}
        paths = [os.path.join(folder, f"rows-{number:06d}.arrow") for number in range(count)]
        with contextlib.ExitStack() as stack:
            writers: dict[int, Any] = {}
            for file in range(len(table.inputs)):
                for batch in table.batches(file, "".join(f", {value} AS {name}" for name, value in more.items())):
                    rows = pa.Table.from_batches([batch])
                    self._remember(rows)
                    shard = rows[_SHARD].to_numpy()
                    for number in np.unique(shard).tolist():
                        part = rows.drop(list(more)).take(pa.array(np.flatnonzero(shard == number)))
                        if number not in writers:
                            out = stack.enter_context(pa.OSFile(paths[number], "wb"))
                            options = pa.ipc.IpcWriteOptions(compression="lz4")
                            writers[number] = stack.enter_context(pa.ipc.new_stream(out, part.schema, options=options))
                        writers[number].write_table(part)
            self.shards = [Shard(number, [paths[number]], True) for number in sorted(writers)]

    def _remember(self, rows: pa.Table) -> None:
        """Keeps which requests there are, on disk."""
        keys = rows.select([FILE, "_request", "_user"])
        self.db.register("given", dataset.dataset(keys))
        self.db.execute(f"INSERT INTO keys SELECT {FILE}, _request, _user FROM given")
        self.db.unregister("given")

    def same_names(self, splits: Sequence[int]) -> tuple[bool, bool]:
        """Whether requests of several users have the same id in a split, and whether rows of one user have.

        Args:
            splits: number of each file's split.
        """
        cases = " ".join(f"WHEN {file} THEN {split}" for file, split in enumerate(splits))
        of_users, of_rows = self.db.execute(
            f"SELECT bool_or(users > 1), bool_or(most > 1) FROM (SELECT count(*) AS users, max(rows) AS most FROM ("
            f"SELECT CASE file {cases} END AS split, request, user, count(*) AS rows FROM keys GROUP BY ALL) "
            "GROUP BY split, request)").fetchall()[0]
        return bool(of_users), bool(of_rows)


def _read(path: str) -> pa.Table:
    with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
        return reader.read_all()

