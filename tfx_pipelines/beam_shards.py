"""The shards of an import on a Beam runner, one element each."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator

import apache_beam as beam

from zoo import files
from zoo.data.importer import ImportConfig
from zoo.data.importer.importer import Shards
from zoo.data.importer.plan import shard_file
from zoo.data.importer.work import Made, make_shard

# Names of files begin so: with the events of a shard, and with what it gave.
EVENTS, MADE = "events-", "made-"


def beam_shards(pipeline: Callable[[], beam.Pipeline]) -> Shards:
    """How an import makes its shards with Beam; the log is, file for file, what processes of one machine make of it.

    What is global, the item table and the counters, was computed before and lies with the shards' events in files beside the
    log, which all workers must reach; a worker leaves its counts there, too.

    Args:
        pipeline: makes the Beam pipeline to run it in.

    Example:
        >>> import_events(config, ["events.csv"], "gs://bucket/log", shards=beam_shards(lambda: beam.Pipeline(options=options)))
    """
    def made(config: ImportConfig, plan: str, shards: int, log: str) -> Iterator[Made]:
        with _within_reach(plan, log) as shared:
            with pipeline() as running:
                _ = (running | beam.Create(range(shards)) | beam.Reshuffle()
                     | beam.Map(_make, config.model_dump_json(), shared, log))
            for shard in range(shards):
                yield Made.from_json(files.read_text(_result(shared, shard)))

    return made


def _make(shard: int, config: str, shared: str, log: str) -> None:
    """One element. An attempt that is repeated writes the same files once more."""
    with contextlib.ExitStack() as stack:
        plan = shared
        if files.scheme(shared):
            plan = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-"))
            for name in _planned(shared):
                if name == shard_file(shard) or not name.startswith(EVENTS):
                    files.copy(files.join(shared, name), os.path.join(plan, name))
        made = make_shard(ImportConfig.model_validate_json(config), plan, shard, log)
    files.write_text(_result(shared, shard), made.to_json())


def _result(shared: str, shard: int) -> str:
    return files.join(shared, f"{MADE}{shard:05d}.json")


@contextlib.contextmanager
def _within_reach(plan: str, log: str) -> Iterator[str]:
    """The folder of the plan where the workers find it: beside a local log it is there already."""
    if not files.scheme(log):
        yield plan
        return
    shared = f"{log}.plan"
    with contextlib.ExitStack() as undo:
        undo.callback(files.remove, shared)
        files.make_dirs(shared)
        for name in _planned(plan):
            files.copy(os.path.join(plan, name), files.join(shared, name))
        yield shared


def _planned(folder: str) -> list[str]:
    """What the shards are made of; the database that it was written from, and what other shards gave, are not."""
    return [name for name in files.list_dir(folder)
            if files.is_file(files.join(folder, name)) and ".duckdb" not in name and not name.startswith(MADE)]
