"""A simulated fortnight: what a model is worth on the next day when it is trained once, from scratch each day, or day by day.

    python -m benchmarks.daily --out docs/results/daily.json

Three days come first, which all ways learn the same. Then, each day, the model is tested on the whole next day before anything
learns from it. All ways share one transformation: vocabularies grow by first sight, so an id's row is the same on all days, and
an id that a day's vocabulary lacks is read as unknown. Seconds are those of processors, without the tracing of graphs, which is
done once for all.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import mean_std, with_seeds, write_rows
from tfx_pipelines.config import PICKLER
from zoo import files
from zoo.config import load_yaml, parse
from zoo.data.batch import Batch
from zoo.data.layout import SPLITS
from zoo.data.request_log import RequestLog
from zoo.data.simulator import SimulatorConfig, write_simulated_days
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.schema import UNKNOWN_ID, Schema
from zoo.training import GroupedOptimizer, TrainingConfig, TrainingLoop, read_dataset, score_dataset

FIRST_DAYS = 3
SEEDS = [1, 2]
WAYS = {"once": "trained once, on the first three days",
        "scratch": "from scratch each day, on all days so far, shuffled together",
        "incremental": "day by day, from yesterday's weights, optimizer anew",
        "incremental-carried": "day by day, from yesterday's weights and optimizer"}


@dataclass
class Days:
    """The transformed logs of some days.

    Args:
        schema: bound to the vocabularies after the last day.
        files: of each day, in order.
        sizes: of each day, the rows of a table over each id space when that day has been learned.
        requests: of each day.
        grown: of each day, what became of its vocabularies.
    """

    schema: Schema
    files: list[list[str]]
    sizes: list[dict[str, int]]
    requests: list[int]
    grown: list[dict[str, dict[str, int]]]


def transformed(config: SimulatorConfig, root: Path) -> Days:
    """Simulates the days and transforms each of them once."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from tfx_pipelines.day import Day, grown
    from tfx_pipelines.day_files import NUMBERS, STATE, vocabulary_name
    from tfx_pipelines.preprocessing import preprocessing_fn
    from tfx_pipelines.record_batches import ReadRecordBatches
    from tfx_pipelines.schema import schema_to_json, tfmd_schema
    from tfx_pipelines.transformation import tensors, transform_file

    for name in ("transform", "transformed", "vocabularies"):
        files.remove(root / name)
    logs = [RequestLog(path) for path in write_simulated_days(config, root / "days", overwrite=True)]
    schema = logs[0].schema
    declared, before, sizes, counts = tfmd_schema(schema), {}, [], []
    folder = root / "vocabularies"
    (folder / STATE).mkdir(parents=True, exist_ok=True)
    for number, log in enumerate(logs):
        day = Day(schema)
        day.read([path for split in SPLITS for path in log.files(split)], declared)
        growth = grown(schema, day, before, number + 1, admit_at=1, evict_after=None)
        before = {name: one.vocabulary for name, one in growth.items()}
        sizes.append({name: len(one.rows) for name, one in growth.items()})
        counts.append({name: one.counts() for name, one in growth.items()})
        if number == 0:  # as in a run: what weights are learned over stays
            (folder / STATE / NUMBERS).write_text(json.dumps(day.moments()), encoding="utf-8")
    for name, vocabulary in before.items():
        (folder / vocabulary_name(name)).write_text("".join(f"{one}\n" for one in vocabulary.ids), encoding="utf-8")
    custom = {"schema": schema_to_json(schema), "vocabularies": str(folder)}
    output = str(root / "transform")
    with beam.Pipeline(options=PipelineOptions([PICKLER])) as pipeline, tft_beam.Context(temp_dir=str(root / "temporary")):
        batches = pipeline | ReadRecordBatches(logs[0].files("test"), declared.SerializeToString())
        function = (batches, tensors(declared)) | tft_beam.AnalyzeDataset(lambda inputs: preprocessing_fn(inputs, custom))
        _ = function | tft_beam.WriteTransformFn(output)
    made = []
    for number, log in enumerate(logs):
        made.append([str(root / "transformed" / f"{number:02d}-{split}.gz") for split in SPLITS])
        for split, target in zip(SPLITS, made[-1], strict=True):
            source, = log.files(split)
            transform_file((source, target), declared.SerializeToString(), output)
    bound = schema.bind({name: len(vocabulary.ids) for name, vocabulary in before.items()})
    requests = [sum(count["requests"] for count in log.manifest["splits"].values()) for log in logs]
    return Days(bound, made, sizes, requests, counts)


@dataclass
class Way:
    """One way to train, as far as it has come."""

    weights: list[np.ndarray]
    state: list[list[np.ndarray]]
    learned: int = 0
    gauc: list[float] = field(default_factory=list)
    auc: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)


class Fortnight:
    """Trains and tests all ways with one model, whose graphs are traced once.

    Args:
        days: transformed.
        name: of the model.
        config: of its training.
    """

    def __init__(self, days: Days, name: str, config: TrainingConfig):
        self.days, self.config = days, config
        keras.utils.set_random_seed(config.seed)
        self.model = registry.build(name, days.schema)
        self.model.make_variables()
        self.optimizer = GroupedOptimizer(self.model, config.optimizers)
        self.loop = TrainingLoop(self.model, self.optimizer)
        self.schema = days.schema
        self.probabilities = tf.function(self.model.probabilities, reduce_retracing=True, autograph=False)
        self.fresh = self.model.get_weights(), self._state()
        self.loop.run(self._batches(0, 0).take(1))  # traces
        self.restore(*self.fresh)

    def learn(self, way: Way, first: int, last: int, begin: tuple[list[np.ndarray], list[list[np.ndarray]]]) -> None:
        """Learns the days from `first` to `last` once, shuffled together, from some weights and state of the optimizer."""
        self.restore(*begin)
        started = time.process_time()
        self.loop.run(self._batches(first, last))
        way.seconds.append(time.process_time() - started)
        way.requests.append(sum(self.days.requests[first:last + 1]))
        way.weights, way.state, way.learned = self.model.get_weights(), self._state(), last

    def test(self, way: Way, day: int) -> None:
        """Measures a way's model on a day."""
        self.model.set_weights(way.weights)
        dataset = read_dataset(self.schema, self.days.files[day], 512, keys=True)
        known = self._known(way.learned)
        scored = score_dataset(self, dataset.map(lambda batch, extras: (known(batch), extras)))  # pyright: ignore
        metrics = scored.metrics(self.schema.group_key, self.schema.labels[0].name)
        way.gauc.append(metrics["gauc"])
        way.auc.append(metrics["auc"])

    def restore(self, weights: list[np.ndarray], state: list[list[np.ndarray]]) -> None:
        """Sets weights and optimizers."""
        self.model.set_weights(weights)
        for optimizer, values in zip(self.optimizer.optimizers.values(), state, strict=True):
            for variable, value in zip(optimizer.variables, values, strict=True):
                variable.assign(value)

    def _state(self) -> list[list[np.ndarray]]:
        return [[variable.numpy() for variable in optimizer.variables] for optimizer in self.optimizer.optimizers.values()]

    def _batches(self, first: int, last: int) -> tf.data.Dataset:
        config, paths = self.config, [path for day in self.days.files[first:last + 1] for path in day]
        dataset = read_dataset(self.schema, paths, config.batch_size, shuffle_buffer=config.shuffle_buffer, seed=config.seed,
                               epoch=last)
        return dataset.map(self._known(last))

    def _known(self, day: int) -> Callable[..., Batch]:
        """Reads ids that the vocabularies after a day lack as unknown."""
        sizes = self.days.sizes[day]
        of_column = {column.name: sizes[column.space] for column in self.schema.columns() if column.feature.kind == "id"}

        def known(*batch: Any) -> Batch:
            given = Batch(*(batch[0] if len(batch) == 1 else batch))
            inputs = {name: tf.where(value < of_column[name], value, tf.constant(UNKNOWN_ID, tf.int64))
                      if name in of_column else value for name, value in given.inputs.items()}
            return given._replace(inputs=inputs)

        return known


def fortnight(days: Days, name: str, config: TrainingConfig) -> dict[str, Way]:
    """All ways over all days."""
    run = Fortnight(days, name, config)
    ways = {way: Way(*run.fresh) for way in WAYS}
    last = len(days.files) - 1
    run.learn(ways["once"], 0, FIRST_DAYS - 1, run.fresh)
    for way in ("incremental", "incremental-carried", "scratch"):
        first = ways["once"]
        ways[way] = Way(first.weights, first.state, first.learned, [], [], [*first.seconds], [*first.requests])
    for today in range(FIRST_DAYS - 1, last):
        if today >= FIRST_DAYS:
            run.learn(ways["scratch"], 0, today, run.fresh)
            run.learn(ways["incremental"], today, today, (ways["incremental"].weights, run.fresh[1]))
            carried = ways["incremental-carried"]
            run.learn(carried, today, today, (carried.weights, carried.state))
        for way in ways.values():
            run.test(way, today + 1)
        print(f"day {today + 1}: " + "  ".join(f"{name} {way.gauc[-1]:.4f}" for name, way in ways.items()), flush=True)
    return ways


def rows(found: Mapping[int, Mapping[str, Way]], name: str, days: Days, command: str) -> list[dict[str, Any]]:
    """A row of each way, means over the seeds."""
    protocol = (f"{len(days.files) - FIRST_DAYS} days after {FIRST_DAYS} that all learn; each is tested whole before it is "
                "learned; one pass over what is learned; admit_at 1, nothing evicted; seconds of processors without tracing, "
                "over all days")
    result = []
    for way, words in WAYS.items():
        runs = [ways[way] for ways in found.values()]
        result.append({
            "dataset": words, "model": name, "seeds": len(runs), "protocol": protocol, "command": command,
            "metrics": {"gauc": mean_std([float(np.mean(run.gauc)) for run in runs]),
                        "gauc_first_day": mean_std([run.gauc[0] for run in runs]),
                        "gauc_last_3_days": mean_std([float(np.mean(run.gauc[-3:])) for run in runs]),
                        "cpu_seconds": mean_std([sum(run.seconds) for run in runs], 1),
                        "requests_read": mean_std([sum(run.requests) for run in runs], 0)}})
    return result


def picture(path: Path, found: Mapping[int, Mapping[str, Way]]) -> None:
    """GAUC by day, a line for each way."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    for way, words in WAYS.items():
        values = np.array([ways[way].gauc for ways in found.values()])
        at = np.arange(values.shape[1]) + FIRST_DAYS + 1
        axes.plot(at, values.mean(0), marker="o", markersize=3, label=words)
        axes.fill_between(at, values.min(0), values.max(0), alpha=0.15)
    axes.set(xlabel="day that is tested", ylabel="GAUC", title="A simulated fortnight: GAUC on the next day")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="benchmarks/daily_simulator.yaml", help="of the simulator")
    parser.add_argument("--model", default="din")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--root", type=Path, default=Path("runs/daily"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/daily.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/daily.png"))
    options = parser.parse_args()
    days = transformed(parse(SimulatorConfig, load_yaml(options.config), where=options.config), options.root)
    found: dict[int, dict[str, Way]] = {}
    for seed in options.seeds:
        rates = {"dense": {"name": "adam", "learning_rate": 0.002}, "embedding": {"name": "lazy_adam", "learning_rate": 0.002}}
        config = parse(TrainingConfig, {"batch_size": 64, "seed": seed, "optimizers": rates}, where="training")
        found[seed] = fortnight(days, options.model, config)
        # After each seed: one that is stopped leaves those that were done.
        write(options.out, found, options.model, days)
        picture(options.picture, found)


def write(path: Path, found: Mapping[int, Mapping[str, Way]], name: str, days: Days) -> None:
    """Writes the table, and beside it the GAUC of each day and what became of the vocabularies."""
    write_rows(path, rows(found, name, days, f"python -m benchmarks.daily --model {name}{with_seeds([*found])}"))
    table = json.loads(path.read_text(encoding="utf-8"))
    table["days"] = [{"day": FIRST_DAYS + number + 1, **{way: mean_std([ways[way].gauc[number] for ways in found.values()])
                                                        for way in WAYS}} for number in range(len(days.files) - FIRST_DAYS)]
    table["vocabularies"] = days.grown
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
