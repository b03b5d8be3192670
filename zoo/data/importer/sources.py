"""A file as DuckDB reads it: its columns with their types, and the rows that can't be read."""

from __future__ import annotations

import contextlib
import csv
import fnmatch
import glob
import io
import os
import posixpath
import tempfile
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from zoo import files
from zoo.config import nearest
from zoo.data.importer.errors import EventLogError
from zoo.data.importer.files_config import Files
from zoo.data.importer.packed import check_gzip, unpacked

__all__ = ["EventLogError", "Source", "literal", "quote", "rows_of", "unpacked", "write_rows"]

_TEXT, _JSON = (".csv", ".tsv", ".txt", ".dat", ".data"), (".json", ".jsonl", ".ndjson")
_PACKED = (".gz", ".zst")
_TOO_MANY_FIELDS = "more fields than the header"
_CHUNK = 1 << 20
# DuckDB reads texts by this much, several at a time; 32 MB by itself, which is much of what it may use.
_BUFFER = 8 * _CHUNK


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
        short: lines with fewer fields than the header; those that they lack are missing.
        types: of its columns by name, as DuckDB says them; all texts are VARCHAR.

    Raises:
        EventLogError: the file is absent, empty, cut off or of an unknown type.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, name: str, path: str, how: Files, room: str):
        self.db, self.name, self.how, self.mended, self.short = db, name, how, 0, 0
        # Apart from what others read in that folder.
        self.room, self._loaded = os.path.join(room, "read"), ""
        os.makedirs(self.room, exist_ok=True)
        if not os.path.isfile(path):
            raise EventLogError(f"{name}: no such file")
        if os.path.getsize(path) == 0:
            raise EventLogError(f"{name}: the file is empty")
        check_gzip(name, path)
        kind = path.lower()
        for ending in _PACKED:
            kind = kind.removesuffix(ending)
        self.is_text = kind.endswith(_TEXT)
        # DuckDB takes a path for a pattern.
        file = literal(glob.escape(path))
        if kind.endswith(".parquet"):
            self._check_names(pq.read_schema(path).names)
            self.relation = f"read_parquet({file})"
        elif kind.endswith(_JSON):
            self.relation = f"read_json_auto({file}, maximum_object_size={8 * _CHUNK})"
        elif self.is_text:
            delimiter, names = self._header(path)
            file = file if how.line_breaks else self._mended(file, delimiter, len(names))
            self.relation = self._text_relation(file, delimiter, names)
        else:
            raise EventLogError(f"{name}: unknown file type; expected a text ({', '.join(_TEXT)}), JSON lines "
                                f"({', '.join(_JSON)}) or .parquet; texts and JSON may be packed as .gz or .zst")
        for table in ("reject_errors", "reject_scans"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        self.become(self.relation)
        if how.explode:
            self._explode()
        while nested := self._parts():
            self.become(f"(SELECT *, {', '.join(nested)} FROM {self.relation})")
        if how.constants:
            self._add_constants()

    def become(self, relation: str) -> None:
        """Stands for other rows or columns from now on."""
        self.relation = relation
        self.types = {row[0]: row[1] for row in self.db.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return list(self.types)

    @staticmethod
    @contextlib.contextmanager
    def reading(name: str, path: str) -> Iterator[None]:
        """Says which file it is that can't be read."""
        try:
            yield
        except (duckdb.OutOfMemoryException, MemoryError):
            raise  # whatever was read: the database has no room for its rows
        except (duckdb.Error, pa.ArrowException, OSError, EOFError) as error:
            if files.refused(error) and path not in str(error):
                raise  # the database's own folder is full
            # Not a Parquet or gzip file, or not UTF-8: DuckDB's first lines say so.
            reason = " ".join(str(error).split("\n\n")[0].split())[:300]
            raise EventLogError(f"{name}: the file can not be read; mend it, or write it anew as UTF-8: {reason}") from None

    def load(self) -> None:
        """Reads a text into a file beside the database, once and with all of its columns: DuckDB can't say which rows are no
        valid text where it reads some columns alone."""
        if self.is_text:
            # DuckDB may know what it read in a file of the same name: no two are called alike.
            handle, self._loaded = tempfile.mkstemp(".parquet", "loaded-", self.room)
            os.close(handle)
            write_rows(self.db, f"SELECT * FROM {self.relation}", self._loaded)
            self.relation = rows_of(self._loaded)

    def close(self) -> None:
        """Lets go of what was loaded."""
        if self._loaded:
            os.remove(self._loaded)

    def unreadable(self) -> bool:
        """Whether DuckDB left out rows, when all were read; they stand in the table `left_out` then.

        It has `row` (from 1), `reason` and `n`, how many were left out up to this one.
        """
        if not self.db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
            return False
        # The n-th row left out stands in line p, the header being line 1: rows after p - 1 - n others move down by n.
        first = 1 if self.how.header else 0
        self.db.execute(
            f"CREATE OR REPLACE TEMP TABLE left_out AS SELECT line - {first} AS row, reason, row_number() OVER (ORDER BY line) "
            f"AS n FROM (SELECT line, min(CASE error_type WHEN 'TOO MANY COLUMNS' THEN {literal(_TOO_MANY_FIELDS)} "
            f"WHEN 'INVALID ENCODING' THEN {literal(f'not {self.how.encoding.upper()}')} "
            "ELSE 'can not be read: ' || lower(CAST(error_type AS VARCHAR)) END) AS reason FROM reject_errors GROUP BY line)")
        return bool(self.db.execute("SELECT count(*) FROM left_out").fetchall()[0][0])

    @staticmethod
    def restored(rows: str) -> str:
        """SQL of some rows with `row` (from 1) and `reason`, and those of `left_out` in their places among them."""
        return (f"SELECT t.* REPLACE (t.row + coalesce(l.n, 0) AS row) FROM {rows} t ASOF LEFT JOIN left_out l "
                "ON t.row > l.row - l.n UNION ALL BY NAME SELECT row, reason FROM left_out")

    def _explode(self) -> None:
        """A row for each element of lists; one without elements stays one row, which lacks them."""
        for column in self.how.explode:
            kind = self.types.get(column)
            if kind is None:
                raise EventLogError(f"{self.name}: no column {column!r} (files.explode){nearest(column, self.columns)}")
            if not kind.endswith("]"):
                raise EventLogError(f"{self.name}: column {column!r} holds no lists ({kind.lower()}); files.explode names "
                                    "columns of lists")
        lists = [quote(column) for column in self.how.explode]
        nothing = " AND ".join(f"coalesce(len({one}), 0) = 0" for one in lists)
        elements = ", ".join(f"unnest(CASE WHEN {nothing} THEN [NULL] ELSE {one} END) AS {one}" for one in lists)
        self.become(f"(SELECT * REPLACE ({elements}) FROM {self.relation})")

    def _add_constants(self) -> None:
        """Columns with one value, which the files of this name do not have themselves."""
        of_name = [values for pattern, values in self.how.constants.items()
                   if fnmatch.fnmatchcase(posixpath.basename(self.name), pattern)]
        constants = {column: value for values in of_name for column, value in values.items()}
        taken = next((column for column in constants if column in self.types), None)
        if taken is not None:
            raise EventLogError(f"{self.name}: has a column {taken!r} of its own; files.constants is for columns that a file "
                                "lacks")
        if constants:
            added = [f"CAST({'NULL' if value is None else literal(value)} AS VARCHAR) AS {quote(column)}"
                     for column, value in constants.items()]
            self.become(f"(SELECT *, {', '.join(added)} FROM {self.relation})")

    def _parts(self) -> list[str]:
        """The parts of structs as columns that are called `column.part`."""
        found = []
        for column, kind in self.types.items():
            if kind.startswith("STRUCT(") and kind.endswith(")"):
                parts = self.db.execute(f"DESCRIBE SELECT unnest(it) FROM (SELECT CAST(NULL AS {kind}) AS it)").fetchall()
                found += [f"struct_extract({quote(column)}, {literal(part[0])}) AS {quote(f'{column}.{part[0]}')}"
                          for part in parts if f"{column}.{part[0]}" not in self.types]
        return found

    def _mended(self, file: str, delimiter: str, width: int) -> str:
        """The file, or a copy of it: a quote that is opened in a line and not closed there must not swallow the lines below."""
        mark = literal(self.how.quote)
        lines = (f"read_csv({file}, auto_detect=false, header=false, columns={{'line': 'VARCHAR'}}, delim=chr(1), quote='', "
                 f"escape='', parallel=false, ignore_errors=true, buffer_size={_BUFFER}, "
                 f"encoding={literal(self.how.encoding)})")
        odd = f"(length(line) - length(replace(line, {mark}, ''))) % 2 = 1" if self.how.quote else "false"
        gaps = f"(length(line) - length(replace(line, {literal(delimiter)}, ''))) // {len(delimiter)}"
        self.mended, self.short = self.db.execute(
            f"SELECT count(*) FILTER ({odd}), count(*) FILTER (trim(line) <> '' AND {gaps} < {width - 1}) FROM {lines}"
            ).fetchall()[0]
        if not self.mended:
            return file
        copy = literal(os.path.join(self.room, "mended.csv"))
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
                   "delim": literal(delimiter), "buffer_size": str(_BUFFER)}
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
        self._check_names(names, ", or name all columns in `files: {header: false, names: […]}`")
        return delimiter, names

    def _check_names(self, names: list[str], advice: str = "") -> None:
        """DuckDB calls the second of two columns otherwise, and knows capitals from small letters by nothing."""
        known: dict[str, str] = {}
        for name in names:
            other = known.setdefault(name.lower(), name)
            if other != name or names.count(name) > 1:
                raise EventLogError(f"{self.name}: two columns are called {other!r}"
                                    f"{f' and {name!r}' * (other != name)}; rename one of them{advice}")


def quote(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def write_rows(db: duckdb.DuckDBPyConnection, query: str, path: str) -> None:
    """Writes the rows of a query to Parquet as they come; a table of the database would hold the ends of its columns in memory,
    some 12 bytes a row, until all are there."""
    db.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION snappy)")


def rows_of(path: str) -> str:
    """SQL of the rows that `write_rows` wrote."""
    return f"read_parquet({literal(glob.escape(path))})"
