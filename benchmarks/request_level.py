"""Learning from requests against learning from single impressions: the same quality, in less time?

    python -m benchmarks.request_level --log rees46=runs/rees46/log --models embedding_mlp din dmr

Both ways see the same impressions, as many in a step, for the same epochs, and are scored on the same test split. Point by
point, every impression is a row of its own, with its user's history, shuffled among all others.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from benchmarks.settings import settings
from tfx_pipelines.transformed import Transformed, transformed
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import split_inputs
from zoo.schema import CANDIDATE_COUNT, Schema
from zoo.training import GroupedOptimizer, TrainingLoop, read_dataset, score_dataset
from zoo.training.dataset import untuned
from zoo.training.split import TrainingFiles

SHUFFLED = 50_000


def points(schema: Schema, requests: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Batches of requests as batches of `batch_size` impressions, each a request with one candidate."""
    length = {column: sequence for sequence in schema.sequences for event in schema.sequence_columns(sequence)
              for column in (event.name, event.bucket)}

    def split(inputs, labels, weights):
        request, candidates = split_inputs(schema, inputs)
        for name in request:
            if name in length:  # to the schema's longest, so that rows of different batches can meet
                missing = length[name].max_length - tf.shape(request[name])[1]
                request[name] = tf.pad(request[name], [[0, 0], [0, missing]] + [[0, 0]] * (len(request[name].shape) - 2))
        places = tf.where(tf.sequence_mask(candidates.pop(CANDIDATE_COUNT)))
        rows = {name: tf.gather(value, places[:, 0]) for name, value in request.items()}
        rows |= {name: tf.expand_dims(tf.gather_nd(value, places), 1) for name, value in candidates.items()}
        rows[CANDIDATE_COUNT] = tf.ones_like(places[:, 0])
        return rows, *({name: tf.expand_dims(tf.gather_nd(value, places), 1) for name, value in part.items()}
                       for part in (labels, weights))

    def trimmed(inputs, labels, weights):
        longest = {sequence.name: tf.reduce_max(inputs[sequence.length]) for sequence in schema.sequences}
        return {name: value[:, :longest[length[name].name]] if name in length else value
                for name, value in inputs.items()}, labels, weights

    rows = requests.map(split).unbatch().shuffle(SHUFFLED, seed=0).batch(batch_size).map(trimmed).prefetch(2)
    return rows.with_options(untuned())


def measure(data: Transformed, log: str, name: str, seed: int, epochs: int, by_point: bool) -> dict[str, float]:
    """Trains once, one way or the other; the test split's metrics and the seconds of the epochs."""
    model_name, model_config, config = settings(log, name)
    keras.utils.set_random_seed(seed)
    split = TrainingFiles(data.schema, tuple(data.files["train"]), config.model_copy(update={"seed": seed}))
    impressions = int(tf.reduce_sum(next(iter(split.batches())).inputs[CANDIDATE_COUNT]))
    model = registry.build(model_name, data.schema, model_config)
    model.make_variables()
    span = model.prepare(split)
    loop = TrainingLoop(model, GroupedOptimizer(model, config.optimizers))
    started = time.perf_counter()
    for epoch in range(epochs):
        batches = split.batches(span, epoch)
        loop.run(points(data.schema, batches, impressions) if by_point else batches)
    seconds = time.perf_counter() - started
    scored = score_dataset(model, read_dataset(data.schema, data.files["test"], 512, keys=True))
    metrics = scored.metrics(data.schema.group_key, data.schema.labels[0].name)
    return {"auc": metrics["auc"], "gauc": metrics["gauc"], "logloss": metrics["logloss"], "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True, metavar="NAME=FOLDER", help="NAME is that of a configuration")
    parser.add_argument("--models", nargs="+", default=["embedding_mlp", "din", "dmr"])
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--root", type=Path, default=Path("runs/ranking"), help="for transformed logs")
    parser.add_argument("--out", default="docs/results/request_level.json")
    options = parser.parse_args()
    log, folder = options.log.split("=", 1)
    data = transformed(folder, options.root / log)
    rows: dict[tuple[str, str], dict[str, Any]] = {(row["dataset"], row["model"]): row for row in read_rows(options.out)}
    for name in options.models:
        for by_point in (False, True):
            runs = [measure(data, log, name, seed, options.epochs, by_point) for seed in options.seeds]
            title = f"{name}, {'points' if by_point else 'requests'}"
            rows[log, title] = {
                "dataset": log, "model": title, "seeds": len(runs),
                "protocol": f"{options.epochs} epochs, as many impressions a step, test split",
                "command": (f"python -m benchmarks.request_level --log {log}={folder} --models {name}"
                            + with_seeds(options.seeds)),
                "metrics": {metric: mean_std([run[metric] for run in runs], 0 if metric == "seconds" else 4)
                            for metric in runs[0]}}
            print(title, rows[log, title]["metrics"], flush=True)
            write_rows(options.out, list(rows.values()))


if __name__ == "__main__":
    main()
