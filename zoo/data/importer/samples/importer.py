"""The import of a table of samples as a whole."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from zoo import files
from zoo.data.importer.database import connected, default_memory_mib, sorting
from zoo.data.importer.importer import Progress
from zoo.data.importer.inputs import opened
from zoo.data.importer.joins import read_joins
from zoo.data.importer.rejected import keep_rejected
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.catalogue import described_by, joined_items, seen_items
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.items import Items, read_items
from zoo.data.importer.samples.places import RowError, RowPlace
from zoo.data.importer.samples.plan import UNSPLIT, Plan
from zoo.data.importer.samples.processes import Shards, process_shards
from zoo.data.importer.samples.raw import RawTable, needed_columns
from zoo.data.importer.samples.rejected import RejectedRows
from zoo.data.importer.samples.rows import check_times
from zoo.data.importer.samples.shapes import LOOKED_AT, find_shapes
from zoo.data.importer.samples.shards import ByRequest, Shard, as_they_come
from zoo.data.importer.samples.side import read_catalogue
from zoo.data.importer.samples.table import SampleTable
from zoo.data.importer.samples.work import save_items
from zoo.data.importer.sources import EventLogError
from zoo.data.request_log import SPLITS, RequestLog, RequestLogError, RequestLogWriter
from zoo.processes import most_processes

# What one process is quicker with than several.
_ALONE_BYTES = 16 << 20


def import_samples(config: SamplesConfig, samples: Sequence[files.PathLike], out: files.PathLike, *, overwrite: bool = False,
                   memory_mib: int | None = None, shards: Shards = process_shards,
                   on_progress: Progress = lambda what, done, total: None) -> RequestLog:
    """Makes a request log from a table of samples, in memory that does not grow with it.

    Requests stand in the log in the order of the table. The log does not depend on the number of processes. Rejected rows go
    to `rejected.csv` in the log (beside it, as `<log>.rejected.csv`, if the import fails for their number). A large table is
    worked on by further processes, so that a script calls this below `if __name__ == "__main__":`.

    Args:
        config: what the columns mean.
        samples: texts, JSON lines or Parquet, folders of them, patterns (`*.csv`) or .zip; local paths or URIs.
        out: folder to make; a local path or a URI.
        overwrite: replace an existing request log.
        memory_mib: that DuckDB may use; `zoo.data.importer.database.default_memory_mib` by default.
        shards: who makes the requests; this machine's processes by default, or a Beam runner (`tfx_pipelines.beam_shards`).
        on_progress: called with what is being done, how much of it, and of how much.

    Returns:
        The request log.

    Raises:
        EventLogError: a file can't be read, lacks a column, or too many rows are wrong.
        RequestLogError: the log exists, or a split stays empty.
        ImportMemoryError: what is sorted does not fit the memory that was given.
        FileError: the folder of the log, or the one that rows are put together in, is full, read-only or closed.
    """
    out = files.normal(out)
    if files.exists(out) and not overwrite:
        raise RequestLogError(f"{out} exists already; choose another folder or ask for overwriting")
    # Rows are put together beside a local log; the machine's folder for temporary files may be small.
    room = tempfile.gettempdir() if files.scheme(out) else files.parent(out)
    with contextlib.ExitStack() as stack:
        stack.enter_context(files.writing(room))
        files.make_dirs(room)
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=room, prefix=".import-", ignore_cleanup_errors=True))
        memory = memory_mib or default_memory_mib()
        stack.enter_context(sorting(room, memory))
        inputs = stack.enter_context(opened(samples, folder))
        db = stack.enter_context(contextlib.closing(connected(folder, memory, config.time_zone)))
        on_progress("reading", 0, len(inputs))
        notes: Counter[str] = Counter()
        joins = read_joins(db, config.joins, folder, notes)
        table = SampleTable(db, inputs, config.files, needed_columns(config), folder, joins)
        stack.enter_context(_exact(table))
        run = _Import(config, table, folder, notes)
        source = {"kind": "import", "files": [files.name(one.name) for one in inputs], "config": config.model_dump(mode="json")}
        with RequestLogWriter(out, run.plan.schema, source, overwrite=overwrite) as log:
            run.write(log, shards, on_progress)
    return RequestLog(out)


@contextlib.contextmanager
def _exact(table: SampleTable) -> Iterator[None]:
    """Rows that DuckDB leaves out are known when a file was read to its end: an error that names a row counts them, too."""
    try:
        yield
    except RowError as error:
        place = error.place
        if place.number is None:
            raise
        raise RowError(place._replace(row=table.place_in_file(place.number, place.row)), error.what) from None


class _Import:
    """One import.

    Args:
        config: what the columns mean.
        table: the rows.
        folder: for what is in between.
        notes: counts of what was read otherwise than asked.
    """

    def __init__(self, config: SamplesConfig, table: SampleTable, folder: str, notes: Counter[str]):
        self.config, self.table, self.folder, self.notes = config, table, folder, notes
        described = read_catalogue(table.db, config, folder, self.notes)
        first = table.inputs[0].name
        samples = RawTable(config, table.sample(LOOKED_AT), lambda row: RowPlace(first, row + 1, 0))
        if not len(samples):
            raise EventLogError(f"{first}: the file has no rows")
        check_times(config, samples, Caster(config), first)
        shapes = find_shapes(config, samples, described)
        table.mend_floats(samples.table)
        self.notes["columns_of_whole_numbers_written_as_floats_read_as_whole"] = len(table.floats)
        self.items: Items | None = None
        catalogue = None
        if described:
            self.items, of_items = read_items(described.config, shapes, described)
            self.notes.update(of_items)
            catalogue = os.path.join(folder, "items.pickle")
            save_items(self.items, catalogue)
        names = tuple(one.name for one in table.inputs)
        self.plan = Plan(config, shapes, names, tuple(map(self._split, names)), catalogue=catalogue)

    def write(self, log: RequestLogWriter, make: Shards, on_progress: Progress) -> None:
        """Makes the requests and the catalogue."""
        rows = late = 0
        rejected, seen = [], []
        # Other processes need some seconds to begin.
        workers = most_processes() if self.table.bytes > _ALONE_BYTES else 1
        for made in make(*self._shards(), log.partial, workers):
            log.add(made.counts)
            self.notes.update(made.notes)
            rows, late = rows + made.rows, late + made.late
            rejected.append(made.rejected)
            seen += [made.items] if made.items else []
            on_progress("making requests", rows, 0)
        rows += sum(len(self.table.unreadable(number)) for number in range(len(self.table.inputs)))
        left = RejectedRows(self.table, rejected)
        log.notes = {"rows": rows, "dropped_after_until": late, "rejected": left.reasons()}
        keep_rejected(log, log.notes["rejected"], rows, self.config.max_rejected_share, left.write)
        self._write_catalogue(log, seen)
        self.notes["lines_with_a_quote_that_is_never_closed_read_without_quotes"] = self.table.mended
        self.notes["lines_with_fewer_fields_than_the_header_read_with_missing_values"] = self.table.short
        log.notes |= {"notes": {name: count for name, count in self.notes.items() if count}, "floors": self.config.floors}
        if not self.config.columns.time:
            log.notes["times"] = False

    def _split(self, name: str) -> int:
        """The split that a file's name says."""
        named = self.config.splits.paths
        for number, split in enumerate(SPLITS if named else ()):
            # A bracket in a name is no pattern.
            patterns = [pattern.replace("[", "[[]") for pattern in getattr(named, split)]
            if any(fnmatch.fnmatchcase(one, pattern) for pattern in patterns for one in (name, files.name(name))):
                return number
        if named:
            raise EventLogError(f"{name}: splits.paths does not say which split this file belongs to")
        return UNSPLIT

    def _shards(self) -> tuple[Plan, Iterator[Shard]]:
        """The rows in parts, and what is known of them as a whole."""
        if not self.config.columns.request:
            return self.plan, as_they_come(self.table, self.folder)
        divided = ByRequest(self.table, self.config, self.folder)
        of_users, of_rows = divided.same_names(self.plan.splits)
        if of_rows and self.config.rows == "requests":
            raise EventLogError(f"column {self.config.columns.request!r} names two requests of one user alike; leave "
                                "columns.request away, and requests are called by the number of their row")
        return replace(self.plan, named_by_user=of_users), iter(divided.shards)

    def _write_catalogue(self, log: RequestLogWriter, seen: list[str]) -> None:
        if self.items:
            log.write_catalogue(joined_items(self.items, log.schema, seen_items(self.table.db, [], seen)[0]))
        elif seen:
            table, ways = seen_items(self.table.db, described_by(log.schema), seen)
            self.notes["times_at_which_two_things_are_said_of_an_item"] = ways
            log.write_catalogue(table)
