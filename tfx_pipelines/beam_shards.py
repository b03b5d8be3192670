"""The shards of an import on a Beam runner, one element each."""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam

from zoo import files
from zoo.data.importer import ImportConfig
from zoo.data.importer.importer import Shards
from zoo.data.importer.plan import shard_file
from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.processes import Shards as SampleShards
from zoo.data.importer.samples.shards import Shard
from zoo.data.importer.samples.work import Made as MadeSamples
from zoo.data.importer.samples.work import make_shard as make_samples
from zoo.data.importer.work import Made, make_shard

# Names of files begin so: with the events or rows of a shard, and with what it gave.
EVENTS, ROWS, MADE = "events-", "rows-", "made-"
_PLAN = "plan.pickle"
_Pipeline = Callable[[], beam.Pipeline]


def beam_shards(pipeline: _Pipeline) -> Shards:
    """How an import of events makes its shards with Beam; the log is, file for file, what processes of one machine make of it.

    What is global, the item table and the counters, was computed before and lies with the shards' events in files beside the
    log, which all workers must reach; a worker leaves its counts there, too.

    Args:
        pipeline: makes the Beam pipeline to run it in.

    Example:
        >>> import_events(config, ["events.csv"], "gs://bucket/log", shards=beam_shards(lambda: beam.Pipeline(options=options)))
    """
    def made(config: ImportConfig, plan: str, shards: int, log: str) -> Iterator[Made]:
        with _within_reach(plan, log) as shared:
            _run(pipeline, range(shards), _make_events, config.model_dump_json(), shared, log)
            for shard in range(shards):
                yield Made.from_json(files.read_text(_result(shared, shard)))

    return made


def beam_samples(pipeline: _Pipeline) -> SampleShards:
    """How an import of samples makes its shards with Beam, as `beam_shards` does for events.

    All rows are read and lie in files beside the log before the first shard is made; processes of one machine make them as they
    are read.

    Args:
        pipeline: makes the Beam pipeline to run it in.
    """
    def made(plan: Plan, shards: Iterator[Shard], log: str, _: int) -> Iterator[MadeSamples]:
        found = list(shards)
        if not found:
            return
        folder = os.path.dirname(found[0].paths[0])
        with open(os.path.join(folder, _PLAN), "wb") as file:
            pickle.dump((plan, found), file)
        with _within_reach(folder, log) as shared:
            _run(pipeline, range(len(found)), _make_samples, shared, log)
            for number in range(len(found)):
                with files.open_file(_result(shared, number), "rb") as file:
                    one: MadeSamples = pickle.load(file)
                if one.items and files.scheme(shared):
                    files.copy(files.join(shared, files.name(one.items)), os.path.join(folder, files.name(one.items)))
                yield one._replace(items=os.path.join(folder, files.name(one.items)) if one.items else None)

    return made


def _run(pipeline: _Pipeline, shards: Iterable[int], make: Callable[..., None], *given: Any) -> None:
    with pipeline() as running:
        _ = running | beam.Create(shards) | beam.Reshuffle() | beam.Map(make, *given)


# ---- one element; an attempt that is repeated writes the same files once more --------------------------------------------


def _make_events(shard: int, config: str, shared: str, log: str) -> None:
    with _on_this_machine(shared, lambda name: name == shard_file(shard) or not name.startswith(EVENTS)) as plan:
        made = make_shard(ImportConfig.model_validate_json(config), plan, shard, log)
    files.write_text(_result(shared, shard), made.to_json())


def _make_samples(number: int, shared: str, log: str) -> None:
    with files.open_file(files.join(shared, _PLAN), "rb") as file:
        plan, shards = pickle.load(file)
    paths = {files.name(path) for path in shards[number].paths}
    with _on_this_machine(shared, lambda name: name in paths or not name.startswith((ROWS, _PLAN))) as folder:
        def here(path: str) -> str:
            return os.path.join(folder, files.name(path))

        shard = shards[number]._replace(paths=[here(path) for path in shards[number].paths])
        made = make_samples(replace(plan, catalogue=here(plan.catalogue)) if plan.catalogue else plan, shard, log)
        if made.items and files.scheme(shared):
            files.copy(made.items, files.join(shared, files.name(made.items)))
    with files.open_file(_result(shared, number), "wb") as file:
        pickle.dump(made, file)


def _result(shared: str, shard: int) -> str:
    return files.join(shared, f"{MADE}{shard:05d}")


# ---- files that all workers reach ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _on_this_machine(shared: str, needed: Callable[[str], bool]) -> Iterator[str]:
    """The folder that shards are made of, on the worker's machine; of one in a store, copies of the files that are needed."""
    if not files.scheme(shared):
        yield shared
        return
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        for name in filter(needed, _planned(shared)):
            files.copy(files.join(shared, name), os.path.join(folder, name))
        yield folder


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
