"""The events of a log in a database on disk: every row checked, the bad ones kept apart, the good ones sorted."""

from __future__ import annotations

import contextlib
import csv
import glob
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb

from zoo import files
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.database import connected
from zoo.data.importer.files_config import Files
from zoo.data.importer.inputs import Input, found, opened_file
from zoo.data.importer.joins import Joined, read_joins
from zoo.data.importer.rows import TYPE, RowReader, context_column, label_column
from zoo.data.importer.sources import EventLogError, Source, literal, quote, rows_of, write_rows
from zoo.data.importer.table_rows import BOUNDED, KEY, SINCE, TableReader, side_table
from zoo.data.importer.tables import SideTable
from zoo.data.importer.time_units import misfit

__all__ = ["EventLogError", "EventStore"]

_BATCH_ROWS = 20_000


class EventStore:
    """The checked events of some files, on disk: in Parquet files that a database reads as `events`.

    Args:
        config: what the columns mean.
        folder: for the database and what DuckDB spills.
        memory: in MiB that DuckDB may use; more lets it use more cores.

    Attributes:
        rows: of events read so far.
        table_rows: of tables beside them.
        notes: counts of what was read otherwise than it stands there.
    """

    def __init__(self, config: ImportConfig, folder: str | Path, memory: int):
        self.config, self.rows, self.table_rows = config, 0, 0
        self.notes: Counter[str] = Counter()
        self._joins: list[Joined] = []
        self.folder = folder = os.path.abspath(folder)
        self.db = connected(folder, memory, config.time_zone)
        # `unit` is whose clicks make a history, `place` breaks ties of time, `row` those that are left.
        columns = {a.name: a.sql_type for a in config.attributes} | {TYPE: "SMALLINT"}
        columns |= {label_column(label): "FLOAT" for label in config.labels if label.column}
        columns |= {context_column(one): one.sql_type for one in config.context}
        self._columns = {"prior": "BOOLEAN", "unit": "VARCHAR", "user_id": "VARCHAR", "session_id": "VARCHAR",
                         "request_id": "VARCHAR", "time": "BIGINT", "place": "DOUBLE", "kind": "TINYINT", "item": "VARCHAR",
                         **columns, "row": "BIGINT"}
        # A folder of its own: what lies beside the database is read by those who make the requests.
        self._rows = os.path.join(folder, "rows")
        os.makedirs(self._rows)
        self._files, self._checked = 0, ""
        self.db.execute("CREATE TABLE rejected (file VARCHAR, row BIGINT, reason VARCHAR)")

    def close(self) -> None:
        """Lets go of the database, which is of no further use: that its folder may be full does not matter here."""
        with contextlib.suppress(duckdb.Error):
            self.db.close()

    # ---- reading -------------------------------------------------------------------------------------------------

    def read(self, file: Input, prior: bool = False) -> None:
        """Adds a file's rows: good ones to `events`, bad ones to `rejected` with the reason.

        Args:
            file: a text, JSON lines or Parquet.
            prior: the file holds earlier events of sessions: history only, named by the session that they precede.

        Raises:
            EventLogError: the file is empty, of an unknown type, or lacks a column.
        """
        joins = [] if prior else self._joins
        with self._opened(file, self.config.files) as source:
            for one in joins:
                one.to(source)
            count = self._check(source, RowReader(self.config, source, prior))
            self._refuse(source, misfit(self.config, self.config.splits, self.db))
            # Rows are numbered through all files here, so that ties of time have one order.
            values = {name: f"row + {self.rows}" if name == "row" else quote(name) for name in self._columns}
            self._keep(", ".join(f"CAST({value} AS {self._columns[name]}) AS {quote(name)}" for name, value in values.items()),
                       "checked WHERE reason IS NULL")
            self.rows += count

    def read_joins(self) -> None:
        """Reads the files that are joined; before all others."""
        self._joins = read_joins(self.db, self.config.joins, self.folder, self.notes)

    def read_table(self, table: SideTable) -> None:
        """Reads a table that stands beside the events into a table of its own (`side_table`), bad rows apart.

        Raises:
            EventLogError: as `read` does.
        """
        name = side_table(self.config, table)
        columns = ", ".join(quote(feature.name) for feature in table.features)
        before = self.table_rows
        for path in found([table.file]):
            with opened_file(path, os.path.join(self.folder, "unpacked")) as inputs:
                for file in inputs:
                    self._read_part(table, file, self.table_rows - before)
        # Of several rows of one key and time the last one counts.
        last = f"QUALIFY row_number() OVER (PARTITION BY {KEY}, {SINCE} ORDER BY row DESC) = 1"
        self.db.execute(f"CREATE TABLE {name} AS SELECT {KEY}, {SINCE}, {columns} FROM {name}_rows {last}")
        good, kept = self.db.execute(f"SELECT (SELECT count(*) FROM {name}_rows), (SELECT count(*) FROM {name})").fetchall()[0]
        self.notes[f"rows_of_the_{table.of}_table_with_key_and_time_of_a_later_row"] += good - kept
        self.db.execute(f"DROP TABLE {name}_rows")

    def _read_part(self, table: SideTable, file: Input, before: int) -> None:
        """Adds one file of a table, after some rows of others."""
        name = f"{side_table(self.config, table)}_rows"
        columns = ", ".join(quote(feature.name) for feature in table.features)
        with self._opened(file, table.files) as source:
            self.table_rows += self._check(source, TableReader(self.config, source, table))
            # What holds from the beginning may be given any early time.
            self._refuse(source, misfit(self.config, self.config.splits, self.db, SINCE, early=False))
            rows = (f"SELECT {KEY}, {BOUNDED} AS {SINCE}, {columns}, row + {before} AS row FROM checked "
                    "WHERE reason IS NULL")
            self.db.execute(f"INSERT INTO {name} {rows}" if before else f"CREATE TABLE {name} AS {rows}")

    @contextlib.contextmanager
    def _opened(self, file: Input, how: Files) -> Iterator[Source]:
        """A file to be read; what is wrong with it is said with its name."""
        with Source.reading(file.name, file.path):
            source = Source(self.db, file.name, file.path, how, self.folder)
            source.load()
            yield source
            source.close()

    def _check(self, source: Source, reader: RowReader | TableReader) -> int:
        """Gives all rows of a file as `checked`, puts those that can't be used into `rejected`, too; gives their number."""
        if self._checked:
            os.remove(self._checked)
        handle, self._checked = tempfile.mkstemp(".parquet", "checked-", self._rows)
        os.close(handle)
        write_rows(self.db, "SELECT * EXCLUDE (wanted) FROM "
                   f"(SELECT *, row_number() OVER () AS row FROM ({reader.select()})) WHERE wanted", self._checked)
        rows = rows_of(self._checked)
        self.db.execute(f"CREATE OR REPLACE VIEW checked AS {source.restored(rows) if source.unreadable() else f'FROM {rows}'}")
        count = self.db.execute("SELECT count(*) FROM checked").fetchall()[0][0]
        if count == 0:
            raise EventLogError(f"{source.name}: the file has no rows")
        self.db.execute(f"INSERT INTO rejected SELECT {literal(source.name)}, row, reason FROM checked "
                        "WHERE reason IS NOT NULL")
        self.notes["lines_with_a_quote_that_is_never_closed_read_without_quotes"] += source.mended
        self.notes["lines_with_fewer_fields_than_the_header_read_with_missing_values"] += source.short
        for column, values in reader.cells.floats.items():
            self.notes[f"values_of_the_column_{column}_written_as_floats_and_read_as_whole_numbers"] += values
        return count

    def _keep(self, columns: str, rows: str) -> None:
        """Adds a file to `events`."""
        write_rows(self.db, f"SELECT {columns} FROM {rows}", os.path.join(self._rows, f"events-{self._files}.parquet"))
        self._files += 1
        self._show("events-*.parquet")

    def _show(self, files: str, condition: str = "true") -> None:
        """Lets `events` stand for the rows of some files."""
        path = literal(os.path.join(glob.escape(self._rows), files))
        self.db.execute(f"CREATE OR REPLACE VIEW events AS FROM read_parquet({path}) WHERE {condition}")

    @staticmethod
    def _refuse(source: Source, wrong: str | None) -> None:
        if wrong:
            raise EventLogError(f"{source.name}: {wrong}")

    # ---- rejected and dropped rows -------------------------------------------------------------------------------

    def rejected(self) -> dict[str, int]:
        """Number of rejected rows by reason, the most frequent first."""
        return dict(self.db.execute("SELECT reason, count(*) FROM rejected GROUP BY 1 ORDER BY 2 DESC, 1").fetchall())

    def write_rejected(self, report: files.PathLike) -> None:
        """Writes the rejected rows as CSV of file, row (from 1, without the header) and reason."""
        with files.local_draft(report) as path, files.open_file(path, "w") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "row", "reason"])
            cursor = self.db.execute("SELECT * FROM rejected ORDER BY file, row")
            while batch := cursor.fetchmany(_BATCH_ROWS):
                writer.writerows(batch)

    def drop_late(self) -> int:
        """Removes events at or after `splits.until`; gives their number."""
        until = int(self.config.splits.until.timestamp())
        dropped = self.db.execute(f"SELECT count(*) FROM events WHERE time >= {until}").fetchall()[0][0]
        self._show("events-*.parquet", f"time < {until}")
        return dropped

    def cut_sessions(self) -> None:
        """Names the sessions that end with a pause: by the user, and when they began."""
        gap, by_session = self.config.session_gap, self.config.history_scope == "session"
        if not gap:
            return
        of_user = "OVER (PARTITION BY user_id ORDER BY time, row)"
        begins = f"SELECT user_id, time, row, coalesce(time - lag(time) {of_user} > {gap}, true) AS begins FROM events"
        began = f"max(CASE WHEN begins THEN time END) {of_user}"
        cut, named = (os.path.join(self._rows, f"{name}.parquet") for name in ("cut", "named"))
        write_rows(self.db, f"SELECT row, user_id || '-' || CAST({began} AS VARCHAR) AS session_id FROM ({begins})", cut)
        unit = ", c.session_id AS unit" if by_session else ""
        write_rows(self.db, f"SELECT e.* REPLACE (c.session_id AS session_id{unit}) FROM events e JOIN {rows_of(cut)} c "
                   "USING (row)", named)
        self._show(os.path.basename(named))

    def note_types(self) -> None:
        """Notes the event types that the configuration names and the log does not have."""
        found = {row[0] for row in self.db.execute(f"SELECT DISTINCT {TYPE} FROM events").fetchall()}
        for number, name in enumerate(self.config.types):
            self.notes[f"event_type_{name}_named_in_the_configuration_and_not_in_the_log"] += number not in found

    # ---- what is left --------------------------------------------------------------------------------------------

    def count(self) -> int:
        """Events that are left."""
        return self.db.execute("SELECT count(*) FROM events").fetchall()[0][0]
