"""Files that say more of the rows of a log: columns that stand in a file of their own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from zoo import files
from zoo.config import Config, nearest
from zoo.data.importer.files_config import Files
from zoo.data.importer.inputs import found, opened_file
from zoo.data.importer.sources import EventLogError, Source, quote
from zoo.data.importer.sql import text_of

_KEY = "_joined_key"


class Join(Config):
    """A file with a row for each value of a key, whose columns are then columns of the log: who asked, and when.

    A row without a partner has none of them, and is rejected where it can't be used so.

    Args:
        file: a text, JSON lines or Parquet; a URI or a path, which is relative to the configuration's file.
        key: column of the file and of the log (or of a file that is joined before).
        files: how this file is written, as `files` says of the log's.
    """

    file: str
    key: str
    files: Files = Files()

    def located(self, folder: str) -> Join:
        """With the path as it is from here, where the configuration lies in another folder."""
        return self.model_copy(update={"file": files.seen_from(folder, self.file)})


class Joined(NamedTuple):
    """A file that was read into the database.

    Args:
        name: of the file.
        table: in the database.
        key: column that it is joined by.
        columns: the others.
    """

    name: str
    table: str
    key: str
    columns: tuple[str, ...]

    def to(self, source: Source) -> None:
        """Gives a file of the log these columns, but for those that it has itself; its rows stay in their order."""
        if self.key not in source.columns:
            raise EventLogError(f"{source.name}: no column {self.key!r} (to join {self.name})"
                                f"{nearest(self.key, source.columns)}")
        text = text_of(f"log.{quote(self.key)}", source.types[self.key], source.how.missing)
        more = "".join(f", joined.{quote(name)}" for name in self.columns if name not in source.columns)
        source.become(f"(SELECT log.* EXCLUDE (_place){more} FROM (SELECT *, row_number() OVER () AS _place FROM "
                      f"{source.relation}) log LEFT JOIN {self.table} joined ON {text} = joined.{_KEY} ORDER BY _place)")


def read_joins(db: duckdb.DuckDBPyConnection, joins: Sequence[Join], room: str, notes: Counter[str]) -> list[Joined]:
    """Reads the files that are joined, each into a table.

    Args:
        db: where they are read.
        joins: says which files.
        room: folder for copies.
        notes: gets how many of their rows can't be used.

    Raises:
        EventLogError: a file can't be read, lacks its key, or has two rows of one key.
    """
    return [_read(db, join, f"joined_{number}", room, notes) for number, join in enumerate(joins)]


def _read(db: duckdb.DuckDBPyConnection, join: Join, table: str, room: str, notes: Counter[str]) -> Joined:
    columns: list[str] = []
    read = False
    for path in found([join.file]):
        with opened_file(path, os.path.join(room, "unpacked")) as inputs:
            for one in inputs:
                with Source.reading(one.name, one.path):
                    source = Source(db, one.name, one.path, join.files, room)
                    source.load()
                    if join.key not in source.columns:
                        raise EventLogError(f"{one.name}: no column {join.key!r} (key of the join)"
                                            f"{nearest(join.key, source.columns)}")
                    key = text_of(quote(join.key), source.types[join.key], join.files.missing)
                    rows = f"SELECT {key} AS {_KEY}, * EXCLUDE ({quote(join.key)}) FROM {source.relation}"
                    db.execute(f"INSERT INTO {table} BY NAME {rows}" if read else f"CREATE TABLE {table} AS {rows}")
                    columns, read = columns or [name for name in source.columns if name != join.key], True
                    if source.unreadable():
                        bad, = db.execute("SELECT count(*) FROM left_out").fetchall()[0]
                        notes["rows_of_joined_files_that_can_not_be_read"] += bad
                    source.close()
    twice = db.execute(f"SELECT {_KEY} FROM {table} WHERE {_KEY} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 LIMIT 1").fetchall()
    if twice:
        raise EventLogError(f"{join.file}: {join.key} {twice[0][0]!r} stands in several rows, so that rows of the log would be "
                            "there several times; a file that is joined has one row for each key (a table of `tables` may "
                            "have one for each time)")
    return Joined(join.file, table, join.key, tuple(columns))
