"""A CSV or Parquet file as DuckDB reads it: its columns, and the rows that can't be read."""

from __future__ import annotations

import csv
import glob
import gzip
import os

import duckdb

_CSV = (".csv", ".tsv", ".txt")
_TOO_MANY_FIELDS = "more fields than the header"


class EventLogError(ValueError):
    """An event log that can't be imported; the message says which file, what is wrong and what to do."""


class Source:
    """A file of events as a relation of DuckDB.

    Args:
        db: where it is read.
        name: the file as the user named it, for messages.
        path: where it lies on this machine.

    Attributes:
        relation: SQL that stands for its rows.
        columns: names that its header gives.
        surplus: names that DuckDB made up where one of the first rows has more fields than the header.

    Raises:
        EventLogError: the file is absent, empty or of an unknown type.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, name: str, path: str):
        self.db, self.name = db, name
        self.relation = _relation(name, path)
        for table in ("reject_errors", "reject_scans"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        found = [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {self.relation}").fetchall()]
        width = _header_width(path) or len(found)
        self.columns, self.surplus = found[:width], found[width:]

    def surplus_checks(self) -> list[tuple[str, str]]:
        """`(condition, reason)` in SQL of rows with more fields than the header."""
        return [(f"{quote(column)} IS NOT NULL", literal(_TOO_MANY_FIELDS)) for column in self.surplus]

    def restore_unreadable(self, table: str) -> None:
        """Puts the rows that DuckDB left out of `table` back at their places there, with the reason.

        Args:
            table: has the columns `row` (from 1, rows left out not counted) and `reason`.
        """
        if not self.db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
            return
        # The n-th row left out stands in line p, the header being line 1: rows after p - 1 - n others move down by n.
        self.db.execute(
            "CREATE OR REPLACE TEMP TABLE left_out AS SELECT line - 1 AS row, reason, row_number() OVER (ORDER BY line) AS n "
            f"FROM (SELECT line, min(CASE error_type WHEN 'TOO MANY COLUMNS' THEN {literal(_TOO_MANY_FIELDS)} "
            "WHEN 'INVALID ENCODING' THEN 'not UTF-8' "
            "ELSE 'can not be read: ' || lower(CAST(error_type AS VARCHAR)) END) AS reason FROM reject_errors GROUP BY line)")
        if self.db.execute("SELECT count(*) FROM left_out").fetchall()[0][0]:
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT t.* REPLACE (t.row + coalesce(l.n, 0) AS row) "
                            f"FROM {table} t ASOF LEFT JOIN left_out l ON t.row > l.row - l.n")
            self.db.execute(f"INSERT INTO {table} BY NAME SELECT row, reason FROM left_out")


def quote(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _relation(name: str, path: str) -> str:
    if not os.path.isfile(path):
        raise EventLogError(f"{name}: no such file")
    if os.path.getsize(path) == 0:
        raise EventLogError(f"{name}: the file is empty")
    # DuckDB takes a path for a pattern.
    file, lower = literal(glob.escape(path)), path.lower()
    if lower.endswith(".parquet"):
        return f"read_parquet({file})"
    if lower.removesuffix(".gz").endswith(_CSV):
        # Rows with too few fields get empty ones, and are rejected for what they lack; those with too many stand in
        # `reject_errors`. The quote is said: a log whose first thousands of rows have none has it later.
        return (f"read_csv({file}, header=true, all_varchar=true, null_padding=true, quote='\"', escape='\"', "
                "parallel=false, ignore_errors=true, store_rejects=true)")
    raise EventLogError(f"{name}: unknown file type; expected .csv, .csv.gz, .tsv or .parquet")


def _header_width(path: str) -> int | None:
    """Number of columns that a CSV's header names; None for Parquet."""
    lower = path.lower()
    if lower.endswith(".parquet"):
        return None
    with (gzip.open if lower.endswith(".gz") else open)(path, "rt", encoding="utf-8-sig", errors="replace") as lines:
        header = next(lines, "")
    return max(len(next(csv.reader([header], delimiter=mark), [])) for mark in ",\t;|")
