"""What `benchmarks.data` measures: one piece of work, in a process of its own. Each says how many requests (or rows) it was of,
and how many seconds it took where not all of the process counts.

    python -m benchmarks.data_work WORK SIZE FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.memory_data import IMPORT
from benchmarks.peers.table import BATCH, HISTORY, SEPARATOR
from benchmarks.usage import wait_for_processes

# How the samples of `benchmarks.peers.table` are read.
SAMPLES = {
    "kind": "samples", "name": "samples", "columns": {"user": "user", "time": "time"},
    "request": [{"name": "age"}, {"name": "city"}],
    "candidates": [{"name": "item", "role": "item"}, {"name": "category", "role": "category"},
                   {"name": "price", "kind": "number", "transform": "log_zscore"}],
    "sequences": [{"name": "history", "max_length": HISTORY, "separator": SEPARATOR,
                   "fields": [{"name": "item", "column": "hist_item"}, {"name": "category", "column": "hist_category"}]}],
    "labels": [{"name": "click"}],
    "splits": {"validation_from": "2023-11-22", "test_from": "2023-11-23", "until": "2023-11-25"},
}


def simulator(size: int, folder: Path) -> dict[str, float]:
    """Simulates requests of 8 candidates and up to 50 events."""
    from zoo.data.simulator import SimulatorConfig, write_simulated_log

    return {"count": _requests(write_simulated_log(SimulatorConfig(requests=size), folder / "log"))}


def imported(size: int, folder: Path) -> dict[str, float]:
    """Imports the events that lie in the folder."""
    from zoo.config import parse
    from zoo.data.importer import ImportConfig, import_events

    return {"count": _requests(import_events(parse(ImportConfig, IMPORT), [folder / "events.csv"], folder / "imported",
                                             overwrite=True))}


def shards(size: int, folder: Path) -> dict[str, float]:
    """Imports the events in `size` parts, each in a process of its own as far as there are cores."""
    from zoo.data.importer import importer

    with open(folder / "events.csv", "rb") as file:
        events = sum(1 for _ in file) - 1
    importer.SHARD_EVENTS = -(-events // size)
    return imported(events, folder)


def samples(size: int, folder: Path) -> dict[str, float]:
    """Imports the samples that lie in the folder."""
    from zoo.config import parse
    from zoo.data.importer import SamplesConfig, import_samples

    log = import_samples(parse(SamplesConfig, SAMPLES), [folder / "samples.parquet"], folder / "log", overwrite=True)
    return {"count": log.manifest["rows"]}


def first_batch(size: int, folder: Path) -> dict[str, float]:
    """From samples to the first batch that a model can learn from: import, data stages, training input."""
    from tfx_pipelines.transformed import transformed
    from zoo.training import read_dataset

    count = samples(size, folder)["count"]
    made = transformed(str(folder / "log"), folder / "pipeline")
    batch = next(iter(read_dataset(made.schema, made.files["train"], BATCH)))
    assert batch[0]["history_item"].shape[0] == BATCH
    return {"count": count}


def pipeline(size: int, folder: Path) -> dict[str, float]:
    """ImportExampleGen, StatisticsGen, ExampleValidator and Transform, of the simulated log in the folder."""
    from tfx_pipelines.transformed import transformed
    from zoo.data.request_log import RequestLog

    transformed(str(folder / "log"), folder / "pipeline")
    return {"count": _requests(RequestLog(folder / "log"))}


def reading(size: int, folder: Path) -> dict[str, float]:
    """A pass of the training input over what `pipeline` made; the second one, as the first one starts what is started once."""
    from tfx_pipelines.transformed import transformed
    from zoo.training import read_dataset

    made, started = transformed(str(folder / "log"), folder / "pipeline"), 0.0
    for _ in range(2):
        started = time.perf_counter()
        for _batch in read_dataset(made.schema, made.files["train"], 256, shuffle_buffer=20_000):
            pass
    return {"count": _trained_on(folder), "seconds": time.perf_counter() - started}


def lr(size: int, folder: Path) -> dict[str, float]:
    """The second epoch of the fastest model on what `pipeline` made."""
    from tfx_pipelines.transformed import transformed
    from zoo.training import TrainingConfig, train

    made = transformed(str(folder / "log"), folder / "pipeline")
    config = TrainingConfig(epochs=2, patience=2, batch_size=256)
    trained = train("lr", made.schema, made.files["train"], made.files["validation"], config=config)
    return {"count": _trained_on(folder), "seconds": trained.history[1]["seconds"]}


WORK: dict[str, Callable[[int, Path], dict[str, float]]] = {
    "simulator": simulator, "import": imported, "shards": shards, "samples": samples, "first batch": first_batch,
    "pipeline": pipeline, "input": reading, "lr": lr}


def _requests(log: Any) -> int:
    return sum(count["requests"] for count in log.manifest["splits"].values())


def _trained_on(folder: Path) -> int:
    from zoo.data.request_log import RequestLog

    return RequestLog(folder / "log").manifest["splits"]["train"]["requests"]


def main() -> None:
    print(json.dumps(WORK[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
    wait_for_processes()


if __name__ == "__main__":
    main()
