"""The import as a whole."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from zoo import files
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.database import default_memory_mib, sorting
from zoo.data.importer.events import EventLogError, EventStore
from zoo.data.importer.export import Export
from zoo.data.importer.inputs import found, opened_file
from zoo.data.importer.items import ItemTable
from zoo.data.importer.plan import Plan
from zoo.data.importer.rejected import keep_rejected
from zoo.data.importer.work import Made, make_shard
from zoo.data.log_shard import PRELOAD
from zoo.data.request_log import RequestLog, RequestLogWriter
from zoo.processes import divided, most_processes

# What a process works on at a time; it needs some hundred bytes of memory for each.
SHARD_EVENTS = 250_000
Progress = Callable[[str, int, int], None]
# (config, folder of the plan, how many shards, folder of the log that is being written) -> what each gave, in any order.
Shards = Callable[[ImportConfig, str, int, str], Iterator[Made]]


def process_shards(config: ImportConfig, folder: str, shards: int, log: str, workers: int | None = None) -> Iterator[Made]:
    """Each shard made by one of some processes, as many as the machine holds; a lone one is made in this process."""
    return divided(functools.partial(make_shard, config, folder, log=log), range(shards),
                   min(shards, workers or most_processes()), PRELOAD)


def import_events(config: ImportConfig, events: Sequence[files.PathLike], out: files.PathLike, *,
                  prior: Sequence[files.PathLike] = (), overwrite: bool = False, memory_mib: int | None = None,
                  shards: Shards = process_shards, on_progress: Progress = lambda what, done, total: None) -> RequestLog:
    """Makes a request log from event logs, in memory that does not grow with them.

    Rows are validated and sorted on disk, and turned into requests in shards, each with all events of some users. The splits
    are by time. The log does not depend on the number of shards, except for which file of a split a request stands in.
    Rejected rows go to `rejected.csv` in the log (beside it, as `<log>.rejected.csv`, if the import fails for their number).
    A large log is worked on by further processes, so that a script calls this below `if __name__ == "__main__":`.

    Args:
        config: what the columns mean and how requests are made.
        events: texts, JSON lines or Parquet, folders of them, patterns (`*.csv`) or .zip; local paths or URIs.
        out: folder to make; a local path or a URI.
        prior: files with earlier events of the sessions, for histories only.
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
        FileError: the folder of the log, or the one that rows are sorted in, is full, read-only or closed.
    """
    out = files.normal(out)
    given = [(file, number) for number, paths in enumerate((events, prior)) for file in found(paths)]
    names = [files.name(file) for file in [*(file for file, _ in given), *config.beside]]
    source = {"kind": "import", "files": names, "config": config.model_dump(mode="json")}
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(RequestLogWriter(out, config.schema(), source, overwrite=overwrite))
        # Rows are sorted beside a local log; the machine's folder for temporary files may be small.
        room = tempfile.gettempdir() if files.scheme(out) else files.parent(out)
        stack.enter_context(files.writing(room))
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=room, prefix=".import-", ignore_cleanup_errors=True))
        memory = memory_mib or default_memory_mib()
        stack.enter_context(sorting(room, memory))
        store = stack.enter_context(contextlib.closing(EventStore(config, folder, memory)))
        store.read_joins()
        for number, (file, is_prior) in enumerate(given):
            on_progress("reading", number, len(names))
            with opened_file(file, os.path.join(folder, "unpacked")) as inputs:
                for one in inputs:
                    store.read(one, prior=bool(is_prior))
        for table in config.tables:
            on_progress("reading", len(names) - len(config.tables), len(names))
            store.read_table(table)
        rejected = store.rejected()
        keep_rejected(log, rejected, store.rows + store.table_rows, config.max_rejected_share, store.write_rejected)
        log.notes = {"rows": store.rows, "rejected": rejected, "dropped_after_until": store.drop_late()}
        store.cut_sessions()
        store.note_types()
        log.notes |= {"notes": _write_requests(store, folder, log, shards, on_progress), "floors": config.floors}
    return RequestLog(out)


def _write_requests(store: EventStore, folder: str, log: RequestLogWriter, make: Shards,
                    on_progress: Progress) -> dict[str, int]:
    """Makes the requests, shard by shard, and the catalogue; gives counts of what was done otherwise than asked."""
    total = store.count()
    shards = max(1, -(-total // SHARD_EVENTS))
    on_progress("sorting", 0, total)
    export = Export(store, folder)
    export.write(shards)
    items = ItemTable(Plan(store.config, folder))
    if not len(items.trained):
        raise EventLogError("no click falls into the training split; check splits.validation_from and the clicks' "
                            "event types")
    notes = store.notes + export.notes
    since = items.first_event.copy()
    for done, made in enumerate(make(store.config, folder, shards, log.partial), 1):
        log.add(made.counts)
        notes.update(made.notes)
        # A drawn candidate may stand in a request that is earlier than its first event: the catalogue has it from then on.
        codes, times = made.candidates
        since[codes] = np.minimum(since[codes], times)
        on_progress("making requests", done, shards)
    log.write_catalogue(items.catalogue(since))
    return {name: count for name, count in notes.items() if count}
