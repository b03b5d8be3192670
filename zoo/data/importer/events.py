"""The events of a log in a database on disk: every row checked, the bad ones kept apart, the good ones sorted."""

from __future__ import annotations

import contextlib
import csv
import os
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np

from zoo import files
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.items import CLICKS_FILE, ITEMS_FILE, TIME_BITS
from zoo.data.importer.rows import CLICK, RowReader
from zoo.data.importer.sources import EventLogError, Source, literal, quote

__all__ = ["EventLogError", "EventStore"]

_MEMORY_MIB = 256
# What a thread of DuckDB needs to sort on disk.
_THREAD_MIB = 128
_BATCH_ROWS = 20_000


class EventStore:
    """The checked events of some files, in a database on disk.

    Args:
        config: what the columns mean.
        folder: for the database and what DuckDB spills.
        memory_mib: what DuckDB may use; more lets it use more cores.

    Attributes:
        rows: read so far.
        notes: counts of what was read otherwise than it stands there.
    """

    def __init__(self, config: ImportConfig, folder: str | Path, memory_mib: int = _MEMORY_MIB):
        self.config, self.rows = config, 0
        self.notes: Counter[str] = Counter()
        self.folder = folder = os.path.abspath(folder)
        self.db = duckdb.connect(os.path.join(folder, "events.duckdb"))
        threads = max(1, min(os.cpu_count() or 1, memory_mib // _THREAD_MIB))
        self.db.execute(f"SET TimeZone={literal(config.time_zone)}")
        self.db.execute(f"SET memory_limit='{memory_mib}MiB'; SET threads={threads}; SET enable_progress_bar=false; "
                        f"SET temp_directory={literal(os.path.join(folder, 'spill'))}")
        # `unit` is whose clicks make a history, `place` breaks ties of time, `row` those that are left.
        attributes = "".join(f", {quote(a.name)} {'VARCHAR' if a.kind == 'id' else 'FLOAT'}" for a in config.attributes)
        self.db.execute(f"CREATE TABLE events (prior BOOLEAN, unit VARCHAR, user_id VARCHAR, session_id VARCHAR, "
                        f"request_id VARCHAR, time BIGINT, place DOUBLE, kind TINYINT, item VARCHAR{attributes}, row BIGINT)")
        self.db.execute("CREATE TABLE rejected (file VARCHAR, row BIGINT, reason VARCHAR)")

    def close(self) -> None:
        """Lets go of the database, which is of no further use: that its folder may be full does not matter here."""
        with contextlib.suppress(duckdb.Error):
            self.db.close()

    # ---- reading -------------------------------------------------------------------------------------------------

    def read(self, file: files.PathLike, prior: bool = False) -> None:
        """Adds a file's rows: good ones to `events`, bad ones to `rejected` with the reason.

        Args:
            file: CSV (plain or .gz) or Parquet; a local path or a URI.
            prior: the file holds earlier events of sessions: history only, named by the session that they precede.

        Raises:
            EventLogError: the file is absent, empty, of an unknown type, or lacks a column.
        """
        if not files.is_file(file):
            raise EventLogError(f"{file}: no such file")
        with files.local_copy(file) as path:
            try:
                source = Source(self.db, str(file), path, self.config.files, self.folder)
                self._add(source, RowReader(self.config, source, prior))
            except (duckdb.Error, OSError, EOFError) as error:
                if files.refused(error) and path not in str(error):
                    raise  # the database's own folder is full
                # Not a Parquet or gzip file, or not UTF-8: DuckDB's first lines say so.
                reason = " ".join(str(error).split("\n\n")[0].split())[:300]
                raise EventLogError(f"{file}: the file can not be read; mend it, or write it anew as UTF-8: {reason}"
                                    ) from None

    def _add(self, source: Source, reader: RowReader) -> None:
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE checked AS SELECT *, row_number() OVER () AS row FROM "
                        f"({reader.select()})")
        source.restore_unreadable("checked")
        count = self.db.execute("SELECT count(*) FROM checked").fetchall()[0][0]
        if count == 0:
            raise EventLogError(f"{source.name}: the file has no rows")
        self.db.execute(f"INSERT INTO rejected SELECT {literal(source.name)}, row, reason FROM checked "
                        "WHERE reason IS NOT NULL")
        # Rows are numbered through all files here, so that ties of time have one order.
        self.db.execute(f"INSERT INTO events SELECT * EXCLUDE (reason) REPLACE (row + {self.rows} AS row) FROM checked "
                        "WHERE reason IS NULL")
        self.rows += count
        self.notes["lines_with_a_quote_that_is_never_closed_read_without_quotes"] += source.mended
        self.db.execute("DROP TABLE checked")

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
        self.db.execute(f"DELETE FROM events WHERE time >= {until}")
        return dropped

    # ---- what the requests are made of ---------------------------------------------------------------------------

    def export(self, folder: str, shards: int) -> None:
        """Writes what requests are made of: the items by their codes, all clicks, and the events in shards.

        Attributes are those of when an item was first seen: nothing of the future stands in them, and they are the same for a
        clicked and a drawn candidate. Prior events are not among the clicks. A shard has all events of some units, sorted.

        Args:
            folder: to write into.
            shards: how many.
        """
        start = int(self.config.splits.validation_from.timestamp())
        names = "".join(f", arg_min({quote(a.name)}, (time, row)) FILTER ({quote(a.name)} IS NOT NULL) AS {quote(a.name)}"
                        for a in self.config.attributes)
        self.db.execute(
            "CREATE TABLE items AS SELECT row_number() OVER (ORDER BY item) - 1 AS code, * FROM ("
            f"SELECT item, count(*) FILTER (NOT prior AND kind = {CLICK} AND time < {start}) AS clicks, "
            f"min(time) FILTER (NOT prior AND kind = {CLICK}) AS first_click, min(time) AS first_event{names} "
            "FROM events GROUP BY item)")
        self._copy("SELECT * EXCLUDE (code) FROM items ORDER BY code", os.path.join(folder, ITEMS_FILE))
        clicks = self.db.execute(
            f"SELECT (code << {TIME_BITS}) + time AS moment FROM events JOIN items USING (item) "
            f"WHERE NOT prior AND kind = {CLICK} ORDER BY moment").fetchnumpy()
        np.save(os.path.join(folder, CLICKS_FILE), clicks["moment"])
        # A unit that has nothing but prior events makes no request.
        # Pages that are numbered anew for every user need his name, too.
        again = self.db.execute("SELECT 1 FROM events WHERE request_id IS NOT NULL GROUP BY request_id "
                                "HAVING count(DISTINCT unit) > 1 LIMIT 1").fetchall()
        request = "e.unit || '-' || e.request_id" if again and self.config.pages else "e.request_id"
        columns = f"e.prior, e.unit, e.user_id, e.session_id, {request} AS request_id, e.time, e.kind, i.code, e.row"
        for shard in range(shards):
            of_shard = f"hash(e.unit) % {shards} = {shard} AND " if shards > 1 else ""
            self._copy(f"SELECT {columns} FROM events e JOIN items i USING (item) WHERE {of_shard}e.unit IN "
                       "(SELECT unit FROM events WHERE NOT prior) ORDER BY e.unit, e.time, e.prior, e.place, e.row",
                       os.path.join(folder, shard_file(shard)))

    def _copy(self, query: str, path: str) -> None:
        self.db.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION snappy)")

    def count(self) -> int:
        """Events that are left."""
        return self.db.execute("SELECT count(*) FROM events").fetchall()[0][0]


def shard_file(shard: int) -> str:
    """Name of the file with the events of a shard."""
    return f"events-{shard:05d}.parquet"
