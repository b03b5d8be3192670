"""What is measured on Flink and on this machine's processes."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.memory_data import IMPORT, write_events
from zoo.config import parse
from zoo.data.importer import ImportConfig, SamplesConfig, import_events, import_samples, importer
from zoo.data.importer.importer import process_shards
from zoo.data.importer.samples import importer as sample_importer
from zoo.data.importer.samples import processes as sample_processes
from zoo.data.importer.samples import shards as sample_shards
from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.shards import Shard
from zoo.data.importer.samples.work import Made
from zoo.data.request_log import SPLITS, RequestLog

SAMPLES = {
    "name": "samples", "columns": {"user": "user", "request": "session", "time": "time"},
    "candidates": [{"name": "item", "role": "item"}, {"name": "category", "role": "category"}],
    "labels": [{"name": "click"}], "splits": IMPORT["splits"],
}


def prepare(folder: Path, events: int) -> None:
    """Writes a log of events, and one of samples with a label on every third row."""
    write_events(folder / "events.csv", events)
    with open(folder / "events.csv", encoding="utf-8") as rows, open(folder / "samples.csv", "w", encoding="utf-8") as file:
        for number, line in enumerate(rows):
            file.write(f"{line.rstrip()},{int(number % 3 == 0) if number else 'click'}\n")


def work(kind: str, folder: Path, how: int | list[str], events: int, shards: int) -> dict[str, Any]:
    """One measurement.

    Args:
        kind: `import` of events, of `samples`, or the `data pipeline` from events on.
        folder: that `prepare` wrote.
        how: a number of processes, or Beam's arguments.
        events: in the log.
        shards: that an import makes of it.

    Returns:
        `seconds`, `requests`, and `made`, which tells logs apart.
    """
    sharded(folder, events, shards)
    started = time.perf_counter()
    if kind == "data pipeline":
        from benchmarks.flink.data_pipeline import data_pipeline

        assert not isinstance(how, int)
        seconds, log = data_pipeline(folder, how)
    else:
        log = import_log(kind, folder, how)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "requests": sum(count["requests"] for count in log.manifest["splits"].values()),
            "made": made_of(log)}


def sharded(folder: Path, events: int, shards: int) -> None:
    """Lets imports of what `prepare` wrote make so many shards."""
    importer.SHARD_EVENTS = -(-events // shards)
    size = (folder / "samples.csv").stat().st_size
    sample_shards._SHARD_BYTES = -(-size // shards)  # pyright: ignore[reportPrivateUsage]  (no setting that users need)
    sample_importer._ALONE_BYTES = 0  # pyright: ignore[reportPrivateUsage]


def made_of(log: RequestLog) -> dict[str, str]:
    """What tells a log apart from others, by split."""
    return {split: fingerprint(log.files(split)) for split in SPLITS}


def import_log(kind: str, folder: Path, how: int | list[str]) -> RequestLog:
    """Imports events (`import`) or `samples`, by some processes or with Beam's arguments."""
    def by_processes(plan: Plan, shards: Iterator[Shard], log: str, _: int) -> Iterator[Made]:
        assert isinstance(how, int)
        return sample_processes.process_shards(plan, shards, log, how)

    local = isinstance(how, int)
    if kind == "import":
        return import_events(parse(ImportConfig, IMPORT), [folder / "events.csv"], folder / "log", overwrite=True,
                             shards=functools.partial(process_shards, workers=how) if local else _on_beam("import", how))
    return import_samples(parse(SamplesConfig, SAMPLES), [folder / "samples.csv"], folder / "log", overwrite=True,
                          shards=by_processes if local else _on_beam("samples", how))


def _on_beam(kind: str, arguments: list[str]) -> Any:
    """The shards of an import as elements of a Beam pipeline with these arguments."""
    # Not at the top: each of an import's processes begins by what this module imports.
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from tfx_pipelines.beam_shards import beam_samples, beam_shards
    from tfx_pipelines.config import PICKLER

    of_kind: Any = beam_shards if kind == "import" else beam_samples
    return of_kind(lambda: beam.Pipeline(options=PipelineOptions([*arguments, PICKLER])))


def fingerprint(files: list[str]) -> str:
    """Of the examples in some files, sorted. The order of an example's features, which is left to chance, is by name."""
    from zoo.keras import tf

    found: list[Any] = []
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        example = tf.train.Example.FromString(record.numpy())
        found.append(hashlib.sha256(example.SerializeToString(deterministic=True)).digest())
    return hashlib.sha256(b"".join(sorted(found))).hexdigest()


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(work(asked["kind"], Path(asked["folder"]), asked["how"], asked["events"], asked["shards"])))
