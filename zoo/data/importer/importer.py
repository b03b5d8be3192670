"""The import as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.data.importer.config import ImportConfig
from zoo.data.importer.events import EventLogError, EventStore
from zoo.data.importer.requests import ItemTable, RequestBuilder
from zoo.data.request_log import RequestLog, RequestLogWriter

REJECTED = "rejected.csv"


def import_events(config: ImportConfig, files: Sequence[str | Path], out: str | Path, *,
                  prior: Sequence[str | Path] = (), overwrite: bool = False,
                  on_progress: Callable[[str, int, int], None] = lambda what, done, total: None) -> RequestLog:
    """Makes a request log from event logs, in memory that does not grow with them.

    Rows are validated, sorted on disk, and turned into requests user by user. The splits are by time. Rejected rows go
    to `rejected.csv` in the log (beside it, as `<log>.rejected.csv`, if the import fails for their number).

    Args:
        config: what the columns mean and how requests are made.
        files: CSV or Parquet.
        out: folder to make.
        prior: files with earlier events of the sessions, for histories only.
        overwrite: replace an existing request log.
        on_progress: called with what is being done, how much of it, and of how much.

    Returns:
        The request log.

    Raises:
        EventLogError: a file can't be read, lacks a column, or too many rows are wrong.
        RequestLogError: the log exists, or a split stays empty.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = {"kind": "import", "files": [Path(f).name for f in [*files, *prior]], "config": config.model_dump(mode="json")}
    with (tempfile.TemporaryDirectory(dir=out.parent, prefix=".import-") as folder,
          RequestLogWriter(out, config.schema(), source, overwrite=overwrite) as log):
        store = EventStore(config, Path(folder))
        for number, file in enumerate([*files, *prior]):
            on_progress("reading", number, len(files) + len(prior))
            store.read(file, prior=number >= len(files))
        beside = out.with_name(f"{out.name}.{REJECTED}")
        rejected = store.check_rejected(beside)
        if rejected:
            beside.rename(log.partial / REJECTED)
        dropped = store.drop_late()
        items = ItemTable(config, store.items())
        if not len(items.trained):
            raise EventLogError("no click falls into the training split; check splits.validation_from and the clicks' "
                                "event types")
        builder, done, total = RequestBuilder(config, items), 0, store.count()
        for unit in store.units():
            for split, request in builder.of_unit(unit):
                log.write(split, request)
            done += len(unit)
            on_progress("making requests", done, total)
        on_progress("making requests", total, total)
        log.notes = {"rows": store.rows, "rejected": rejected, "dropped_after_until": dropped,
                     "notes": {name: count for name, count in builder.notes.items() if count}, "floors": config.floors}
    return RequestLog(out)
