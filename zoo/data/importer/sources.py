"""A file as DuckDB reads it: its columns with their types, and the rows that can't be read."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import os
import zlib
from typing import Any

import duckdb
import pyarrow as pa

from zoo.data.importer.files_config import Files

_TEXT, _JSON = (".csv", ".tsv", ".txt", ".dat", ".data"), (".json", ".jsonl", ".ndjson")
_PACKED = (".gz", ".zst")
_TOO_MANY_FIELDS = "more fields than the header"
_CHUNK = 1 << 20


class EventLogError(ValueError):
    """An event log that can't be imported; the message says which file, what is wrong and what to do."""


class Source:
    """A file of rows as a relation of DuckDB.

    Args:
        db: where it is read.
        name: the file as the user named it, for messages.
        path: where it lies on this machine.
        how: it is written.
        room: folder for a copy of it.

    Attributes:
        relation: SQL that stands for its rows.
        mended: lines with a quote that is never closed, which are read as if they had none.
        types: of its columns by name, as DuckDB says them; all texts are VARCHAR.

    Raises:
        EventLogError: the file is absent, empty, cut off or of an unknown type.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, name: str, path: str, how: Files, room: str):
        self.db, self.name, self.how, self.mended = db, name, how, 0
        if not os.path.isfile(path):
            raise EventLogError(f"{name}: no such file")
        if os.path.getsize(path) == 0:
            raise EventLogError(f"{name}: the file is empty")
        _check_gzip(name, path)
        kind = path.lower()
        for ending in _PACKED:
            kind = kind.removesuffix(ending)
        self.is_text = kind.endswith(_TEXT)
        # DuckDB takes a path for a pattern.
        file = literal(glob.escape(path))
        if kind.endswith(".parquet"):
            self.relation = f"read_parquet({file})"
        elif kind.endswith(_JSON):
            self.relation = f"read_json_auto({file}, maximum_object_size={8 * _CHUNK})"
        elif self.is_text:
            delimiter, names = self._header(path)
            file = self._mended(file, room) if how.quote and not how.line_breaks else file
            self.relation = self._text_relation(file, delimiter, names)
        else:
            raise EventLogError(f"{name}: unknown file type; expected a text ({', '.join(_TEXT)}), JSON lines "
                                f"({', '.join(_JSON)}) or .parquet; texts and JSON may be packed as .gz or .zst")
        for table in ("reject_errors", "reject_scans"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        self.types = {row[0]: row[1] for row in db.execute(f"DESCRIBE SELECT * FROM {self.relation}").fetchall()}

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return list(self.types)

    def load(self) -> None:
        """Reads a text into the database, once and with all of its columns: DuckDB can't say which rows are no valid text where
        it reads some columns alone."""
        if self.is_text:
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE loaded AS SELECT * FROM {self.relation}")
            self.relation = "loaded"

    def restore_unreadable(self, table: str) -> None:
        """Puts the rows that DuckDB left out of `table` back at their places there, with the reason.

        Args:
            table: has the columns `row` (from 1, rows left out not counted) and `reason`.
        """
        if not self.db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
            return
        # The n-th row left out stands in line p, the header being line 1: rows after p - 1 - n others move down by n.
        first = 1 if self.how.header else 0
        self.db.execute(
            f"CREATE OR REPLACE TEMP TABLE left_out AS SELECT line - {first} AS row, reason, row_number() OVER (ORDER BY line) "
            f"AS n FROM (SELECT line, min(CASE error_type WHEN 'TOO MANY COLUMNS' THEN {literal(_TOO_MANY_FIELDS)} "
            f"WHEN 'INVALID ENCODING' THEN {literal(f'not {self.how.encoding.upper()}')} "
            "ELSE 'can not be read: ' || lower(CAST(error_type AS VARCHAR)) END) AS reason FROM reject_errors GROUP BY line)")
        if self.db.execute("SELECT count(*) FROM left_out").fetchall()[0][0]:
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT t.* REPLACE (t.row + coalesce(l.n, 0) AS row) "
                            f"FROM {table} t ASOF LEFT JOIN left_out l ON t.row > l.row - l.n")
            self.db.execute(f"INSERT INTO {table} BY NAME SELECT row, reason FROM left_out")

    def _mended(self, file: str, room: str) -> str:
        """The file, or a copy of it: a quote that is opened in a line and not closed there must not swallow the lines below."""
        mark = literal(self.how.quote)
        lines = (f"read_csv({file}, auto_detect=false, header=false, columns={{'line': 'VARCHAR'}}, delim=chr(1), quote='', "
                 f"escape='', parallel=false, ignore_errors=true, encoding={literal(self.how.encoding)})")
        odd = f"(length(line) - length(replace(line, {mark}, ''))) % 2 = 1"
        self.mended = self.db.execute(f"SELECT count(*) FROM {lines} WHERE {odd}").fetchall()[0][0]
        if not self.mended:
            return file
        copy = literal(os.path.join(room, "mended.csv"))
        self.db.execute(f"COPY (SELECT CASE WHEN {odd} THEN replace(line, {mark}, '') ELSE line END FROM {lines}) TO {copy} "
                        "(FORMAT csv, HEADER false, DELIMITER '\x01', QUOTE '', ESCAPE '')")
        return copy

    def _text_relation(self, file: str, delimiter: str, names: list[str]) -> str:
        """Rows with too few fields get empty ones, and are rejected for what they lack; those with too many stand in
        `reject_errors`. Nothing is left to be guessed from the first rows: a quote may come later, or never be closed."""
        how = self.how
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        options = {"auto_detect": "false", "header": str(how.header).lower(), "columns": f"{{{columns}}}",
                   "null_padding": "true", "parallel": "false", "ignore_errors": "true", "store_rejects": "true",
                   "quote": literal(how.quote), "escape": literal(how.quote), "encoding": literal(how.encoding),
                   "delim": literal(delimiter)}
        return f"read_csv({file}, {', '.join(f'{name}={value}' for name, value in options.items())})"

    def _header(self, path: str) -> tuple[str, list[str]]:
        """What stands between the fields of a text file's first line, and the names of its columns."""
        if self.how.delimiter and self.how.names:
            return self.how.delimiter, list(self.how.names)
        encoding = {"utf-8": "utf-8-sig"}.get(self.how.encoding, self.how.encoding)
        try:
            with unpacked(path) as packed, io.TextIOWrapper(packed, encoding=encoding, errors="replace") as lines:
                header = next(iter(lines), "")
        except UnicodeError:
            raise EventLogError(f"{self.name}: not {self.how.encoding.upper()}; say its `files.encoding`") from None
        if "\0" in header:
            raise EventLogError(f"{self.name}: not {self.how.encoding.upper()} (a text in UTF-16?); say its `files.encoding`, "
                                "or write it anew as UTF-8")
        header = header.rstrip("\r\n")
        quoting, quotechar = (csv.QUOTE_MINIMAL if self.how.quote else csv.QUOTE_NONE), self.how.quote or None
        if self.how.delimiter and len(self.how.delimiter) > 1:  # more than Python's reader takes
            delimiter = self.how.delimiter
            fields = [field.strip(self.how.quote or None) for field in header.split(delimiter)]
        else:
            read = {mark: next(csv.reader([header], delimiter=mark, quoting=quoting, quotechar=quotechar), [])
                    for mark in ([self.how.delimiter] if self.how.delimiter else [*",\t;|"])}
            delimiter = max(read, key=lambda mark: len(read[mark]))
            fields = read[delimiter]
        # The index that pandas writes in front has no name.
        names = list(self.how.names or (field or f"column_{place}" for place, field in enumerate(fields)))
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise EventLogError(f"{self.name}: two columns are called {twice[0]!r}; rename one of them, or name all columns in "
                                "`files: {header: false, names: […]}`")
        return delimiter, names


def quote(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def unpacked(path: str) -> Any:
    """The bytes of a file, also of one that is packed as .gz or .zst."""
    if path.lower().endswith(".zst"):
        return pa.input_stream(path, compression="zstd")
    return gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb")


def _check_gzip(name: str, path: str) -> None:
    """DuckDB takes a file that was cut off for one that ends there."""
    if not path.lower().endswith(".gz"):
        return
    with open(path, "rb") as file:
        packed, inflate, begun = file.read(_CHUNK), zlib.decompressobj(31), False
        while packed:
            try:
                inflate.decompress(packed)
            except zlib.error as error:
                raise EventLogError(f"{name}: the file is no gzip, or damaged: {error}; fetch it again") from None
            begun = True
            if inflate.eof:  # a file may hold several parts
                packed, inflate, begun = inflate.unused_data.lstrip(b"\0"), zlib.decompressobj(31), False
                if packed:
                    continue
            packed = file.read(_CHUNK)
        if begun:
            raise EventLogError(f"{name}: the file ends in the middle of its gzip (a download that stopped?); fetch it again")
