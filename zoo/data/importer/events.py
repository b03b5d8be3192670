"""Reads event logs with DuckDB: validates every row, keeps the bad ones apart, sorts on disk."""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from zoo.config import nearest
from zoo.data.importer.config import ImportConfig

MEMORY_LIMIT = "256MB"
_BATCH_ROWS = 20_000
_TOO_MANY = "more fields than the header"


class EventLogError(ValueError):
    """An event log that can't be imported; the message says which file, what is wrong and what to do."""


class EventStore:
    """The validated events of some files, in a database on disk.

    Args:
        config: what the columns mean.
        folder: for the database and what DuckDB spills.
    """

    def __init__(self, config: ImportConfig, folder: Path):
        self.config = config
        self.db = duckdb.connect(str(folder / "events.duckdb"))
        self.db.execute(f"SET memory_limit='{MEMORY_LIMIT}'; SET threads=2; SET enable_progress_bar=false")
        self.db.execute(f"SET temp_directory='{folder / 'spill'}'")
        attributes = "".join(f", {_quote(a.name)} {'VARCHAR' if a.kind == 'id' else 'FLOAT'}" for a in config.attributes)
        self.db.execute(f"CREATE TABLE events (prior BOOLEAN, unit VARCHAR, user_id VARCHAR, session_id VARCHAR, "
                        f"request_id VARCHAR, time BIGINT, place DOUBLE, kind TINYINT, item VARCHAR{attributes}, row BIGINT)")
        self.db.execute("CREATE TABLE rejected (file VARCHAR, row BIGINT, reason VARCHAR)")
        self.rows = 0

    # ---- reading -------------------------------------------------------------------------------------------------

    def read(self, file: str | Path, prior: bool = False) -> None:
        """Adds a file's rows: good ones to `events`, bad ones to `rejected` with the reason.

        Args:
            file: CSV (plain or .gz) or Parquet.
            prior: the file holds earlier events of sessions: history only, named by the session that they precede.

        Raises:
            EventLogError: the file is absent, empty, of an unknown type, or lacks a column.
        """
        source = self._source(Path(file))
        try:
            self._read(file, source, prior)
        except (duckdb.Error, OSError, EOFError) as error:
            # Not a Parquet or gzip file, or not UTF-8: DuckDB's first lines say so.
            reason = " ".join(str(error).split("\n\n")[0].split())[:300]
            raise EventLogError(f"{file}: the file can not be read; mend it, or write it anew as UTF-8: {reason}") from None

    def _read(self, file: str | Path, source: str, prior: bool) -> None:
        for table in ("reject_errors", "reject_scans"):
            self.db.execute(f"DROP TABLE IF EXISTS {table}")
        names = [row[0] for row in self.db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        # DuckDB names further columns itself where one of the first rows has more fields than the header.
        width = _header_width(Path(file)) or len(names)
        names, unnamed = names[:width], names[width:]
        columns, config = self.config.columns, self.config
        needed = {"time": columns.time, "event": columns.event, "item": columns.item}
        if prior:
            if config.history_scope != "session":
                raise EventLogError(f"{file}: prior events belong to the session that they precede; they need "
                                    "history_scope: session (or give the file among the events, if it has users)")
            needed["session"] = columns.session
        else:
            needed |= {key: value for key in ("user", "session", "request") if (value := getattr(columns, key))}
            needed |= {a.name: a.source for a in config.attributes}
        for what, name in needed.items():
            if name not in names:
                raise EventLogError(f"{file}: no column {name!r} (for {what}){nearest(str(name), names)}")

        def text(name: str | None) -> str:
            return f"nullif(trim(CAST({_quote(name)} AS VARCHAR)), '')" if name in names else "NULL"

        user = text(columns.user) if columns.user in names else text(columns.session)
        unit = text(columns.session) if prior or config.history_scope == "session" else user
        clock, event, item = text(columns.time), text(columns.event), text(columns.item)
        factor = {"s": 1, "ms": 1000}[config.time_unit]
        moment = (f"coalesce(TRY_CAST({clock} AS DOUBLE) / {factor}, epoch(TRY_CAST({clock} AS TIMESTAMP)))")
        kinds = [(config.clicks, 1), (config.impressions, 2), (config.other, 0)]
        kind = " ".join(f"WHEN {event} = {_literal(name)} THEN {number}" for types, number in kinds for name in types)
        numbers = [a for a in config.attributes if a.kind == "number" and a.source in names]
        wrong_number = " ".join(
            f"WHEN {text(a.source)} IS NOT NULL AND NOT coalesce(TRY_CAST({text(a.source)} AS FLOAT) < 'inf' "
            f"AND TRY_CAST({text(a.source)} AS FLOAT) > '-inf' OR isnan(TRY_CAST({text(a.source)} AS FLOAT)), false) "
            f"THEN {_literal(a.source + ' is not a number')}" for a in numbers)
        too_many = "".join(f"WHEN {_quote(name)} IS NOT NULL THEN {_literal(_TOO_MANY)} " for name in unnamed)
        reason = (f"CASE {too_many}WHEN {item} IS NULL THEN 'no item' WHEN {unit} IS NULL THEN 'no user or session' "
                  f"WHEN {clock} IS NULL OR {moment} IS NULL OR isnan({moment}) THEN 'time can not be read' "
                  f"WHEN {moment} > {time.time():.0f} THEN 'time lies in the future' "
                  f"WHEN {moment} < 0 THEN 'time lies before 1970' "
                  + (f"WHEN {text(columns.request)} IS NULL THEN 'no request' " if columns.request and not prior else "")
                  + f"WHEN (CASE {kind} END) IS NULL THEN 'unknown event type ' || coalesce({event}, '(none)') "
                  f"{wrong_number} END")
        attributes = "".join(
            ", " + (text(a.source) if a.kind == "id" else f"TRY_CAST({text(a.source)} AS FLOAT)")
            + f" AS {_quote(a.name)}" for a in config.attributes)
        place = f"TRY_CAST({text(columns.order)} AS DOUBLE)" if columns.order in names else "NULL"
        self.db.execute(
            f"CREATE OR REPLACE TEMP TABLE checked AS SELECT *, row_number() OVER () AS row FROM (SELECT {reason} AS "
            f"reason, {'true' if prior else 'false'} AS prior, {unit} AS unit, {user} AS user_id, "
            f"{text(columns.session)} AS session_id, {text(columns.request)} AS request_id, "
            f"TRY_CAST(floor({moment}) AS BIGINT) AS time, {place} AS place, (CASE {kind} END) AS kind, {item} AS item"
            f"{attributes} FROM {source})")
        self._unreadable_rows()
        count = self.db.execute("SELECT count(*) FROM checked").fetchone()[0]
        if count == 0:
            raise EventLogError(f"{file}: the file has no rows")
        self.db.execute(f"INSERT INTO rejected SELECT {_literal(str(file))}, row, reason FROM checked "
                        "WHERE reason IS NOT NULL")
        # Rows are numbered through all files here, so that ties of time have one order.
        self.db.execute(f"INSERT INTO events SELECT * EXCLUDE (reason) REPLACE (row + {self.rows} AS row) FROM checked "
                        "WHERE reason IS NULL")
        self.rows += count
        self.db.execute("DROP TABLE checked")

    def _unreadable_rows(self) -> None:
        """Puts the rows that DuckDB left out at their places in `checked`, with the reason."""
        if not self.db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
            return
        # The n-th row left out stands in line p, the header being line 1: rows after p - 1 - n others move down by n.
        self.db.execute(
            f"CREATE OR REPLACE TEMP TABLE left_out AS SELECT place, reason, row_number() OVER (ORDER BY place) AS n FROM "
            f"(SELECT line - 1 AS place, min(CASE error_type WHEN 'TOO MANY COLUMNS' THEN {_literal(_TOO_MANY)} WHEN "
            "'INVALID ENCODING' THEN 'not UTF-8' ELSE 'can not be read: ' || lower(CAST(error_type AS VARCHAR)) END) AS "
            "reason FROM reject_errors GROUP BY line)")
        if self.db.execute("SELECT count(*) FROM left_out").fetchone()[0]:
            self.db.execute("CREATE OR REPLACE TEMP TABLE checked AS SELECT c.* REPLACE (c.row + coalesce(l.n, 0) AS row) "
                            "FROM checked c ASOF LEFT JOIN left_out l ON c.row > l.place - l.n")
            self.db.execute("INSERT INTO checked BY NAME SELECT place AS row, reason FROM left_out")

    def _source(self, file: Path) -> str:
        if not file.is_file():
            raise EventLogError(f"{file}: no such file")
        if file.stat().st_size == 0:
            raise EventLogError(f"{file}: the file is empty")
        name = file.name.lower()
        if name.endswith(".parquet"):
            return f"read_parquet({_literal(str(file))})"
        if name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")):
            # Rows with too few fields get empty ones, and are rejected for what they lack; those with too many stand
            # in `reject_errors`. The quote is said: a log whose first thousands of rows have none has it later.
            return (f"read_csv({_literal(str(file))}, header=true, all_varchar=true, null_padding=true, quote='\"', "
                    "escape='\"', parallel=false, ignore_errors=true, store_rejects=true)")
        raise EventLogError(f"{file}: unknown file type; expected .csv, .csv.gz, .tsv or .parquet")

    # ---- rejected and dropped rows -------------------------------------------------------------------------------

    def check_rejected(self, report: Path) -> dict[str, int]:
        """Writes the rejected rows and fails if they are too many.

        Args:
            report: CSV of file, row (from 1, without the header) and reason.

        Returns:
            Number of rejected rows by reason.

        Raises:
            EventLogError: their share is above `max_rejected_share`.
        """
        counts = dict(self.db.execute("SELECT reason, count(*) FROM rejected GROUP BY 1 ORDER BY 2 DESC").fetchall())
        if not counts:
            return {}
        report.parent.mkdir(parents=True, exist_ok=True)
        with open(report, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "row", "reason"])
            cursor = self.db.execute("SELECT * FROM rejected ORDER BY file, row")
            while batch := cursor.fetchmany(_BATCH_ROWS):
                writer.writerows(batch)
        share = sum(counts.values()) / self.rows
        if share > self.config.max_rejected_share:
            top = "; ".join(f"{reason}: {count}" for reason, count in list(counts.items())[:3])
            raise EventLogError(f"{share:.1%} of {self.rows} rows were rejected, above max_rejected_share "
                               f"{self.config.max_rejected_share:.1%}; most often {top}. All of them: {report}")
        return counts

    def drop_late(self) -> int:
        """Removes events at or after `splits.until`; gives their number."""
        until = int(self.config.splits.until.timestamp())
        dropped = self.db.execute(f"SELECT count(*) FROM events WHERE time >= {until}").fetchone()[0]
        self.db.execute(f"DELETE FROM events WHERE time >= {until}")
        return dropped

    # ---- what the requests are made of ---------------------------------------------------------------------------

    def items(self) -> list[tuple[Any, ...]]:
        """`(item, clicks in the training split, time of the first click, attributes…)`, prior events not counted.

        Attributes are as they were when the item was first seen.

        So nothing of the future stands in them, and they are the same for a clicked and a drawn candidate.
        """
        start = int(self.config.splits.validation_from.timestamp())
        names = "".join(f", arg_min({_quote(a.name)}, (time, row)) FILTER ({_quote(a.name)} IS NOT NULL)"
                        for a in self.config.attributes)
        return self.db.execute(
            f"SELECT item, count(*) FILTER (NOT prior AND kind = 1 AND time < {start}), "
            f"min(time) FILTER (NOT prior AND kind = 1){names} FROM events "
            "GROUP BY item ORDER BY item").fetchall()

    def units(self) -> Iterator[list[tuple[Any, ...]]]:
        """The events of one user (or session) after the other, each in order of time; prior events among them.

        Yields:
            Rows `(prior, unit, user_id, session_id, request_id, time, place, kind, item)`.
        """
        cursor = self.db.execute(
            "SELECT e.prior, e.unit, e.user_id, e.session_id, e.request_id, e.time, e.place, e.kind, e.item FROM events e "
            "JOIN (SELECT unit, min(time) AS start FROM events WHERE NOT prior GROUP BY unit) u USING (unit) "
            "ORDER BY u.start, e.unit, e.time, NOT e.prior, e.place, e.row")
        rows: list[tuple[Any, ...]] = []
        while batch := cursor.fetchmany(_BATCH_ROWS):
            for row in batch:
                if rows and rows[-1][1] != row[1]:
                    yield rows
                    rows = []
                rows.append(row)
        if rows:
            yield rows

    def count(self) -> int:
        """Events that are left."""
        return self.db.execute("SELECT count(*) FROM events").fetchone()[0]


def _header_width(file: Path) -> int | None:
    """Number of columns that a CSV's header names; None for Parquet."""
    if file.suffix.lower() == ".parquet":
        return None
    with (gzip.open if file.suffix.lower() == ".gz" else open)(file, "rt", encoding="utf-8-sig", errors="replace") as lines:
        header = next(lines, "")
    return max(len(next(csv.reader([header], delimiter=mark), [])) for mark in ",\t;|")


def _quote(name: Sequence[str] | str | None) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
