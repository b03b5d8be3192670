"""Cost of a training step by rows of the item table (it must not depend on them), by candidates and by history.

    python -m benchmarks.step_cost --out docs/results/step_cost.json
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.results import write_rows
from zoo.keras import tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.optimizers import OptimizerConfig
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema
from zoo.training import GroupedOptimizer, TrainingLoop

CATEGORIES = 1_000


def schema(rows: int) -> Schema:
    """Two id fields, a history over both."""
    item, category = (Feature(name=name, space=name, role=name) for name in ("item", "category"))
    return Schema(
        name="step-cost", spaces={"item": IdSpace(), "category": IdSpace()},
        sequences=(BehaviourSequence(name="history", fields=(item, category)),), candidates=(item, category),
        group_key="user_id", keys=("user_id",),
    ).bind({"item": rows - 2, "category": CATEGORIES})


def batches(rows: int, requests: int, candidates: int, history: int, count: int, seed: int = 0) -> list[Any]:
    """Batches with ids by a power law over the whole table, and histories of every length up to the longest."""
    rng = np.random.default_rng(seed)

    def items(*shape: int) -> np.ndarray:
        # Density falls as 1/id: the head is dense, the tail reaches every row.
        return (2 + (rows - 3) ** rng.random(shape)).astype(np.int64).clip(2, rows - 1)

    result = []
    for _ in range(count):
        inputs = {
            "history_item": items(requests, history), "candidate_item": items(requests, candidates),
            "history_category": rng.integers(2, CATEGORIES, (requests, history)),
            "candidate_category": rng.integers(2, CATEGORIES, (requests, candidates)),
            "history_length": rng.integers(1, history + 1, requests),
            "candidate_count": np.full(requests, candidates),
        }
        labels = rng.integers(0, 2, (requests, candidates)).astype(np.float32)
        result.append(({name: tf.constant(value) for name, value in inputs.items()}, {"click": tf.constant(labels)},
                       {"click": tf.ones((requests, candidates))}))
    return result


class Stepper:
    """A model and its batches, to be timed one step at a time."""

    def __init__(self, name: str, rows: int, requests: int = 1024, candidates: int = 1, history: int = 50,
                 config: dict[str, Any] | None = None, optimizers: Mapping[str, OptimizerConfig] | None = None):
        self.impressions = requests * candidates
        self.batches = batches(rows, requests, candidates, history, 8)
        model: RankingModel = registry.build(name, schema(rows), config)
        model.make_variables()
        self.loop = TrainingLoop(model, GroupedOptimizer(model, optimizers))
        self.step = tf.function(self.loop.step, autograph=False)
        self.count = 0
        for _ in range(len(self.batches)):
            self.once()

    def once(self) -> float:
        """Seconds of one step."""
        batch = self.batches[self.count % len(self.batches)]
        self.count += 1
        started = time.perf_counter()
        self.step(batch)
        return time.perf_counter() - started


def compare(steppers: dict[Any, Stepper], rounds: int) -> dict[Any, float]:
    """Median seconds a step; the contestants take turns, so that a noisy moment hits all of them."""
    times: dict[Any, list[float]] = {key: [] for key in steppers}
    for _ in range(rounds):
        for key, stepper in steppers.items():
            times[key].append(stepper.once())
    return {key: float(np.median(values)) for key, values in times.items()}


IMPRESSIONS = 1024
SMALLEST = {"rows": 100_000, "candidates": 1, "history": 50}


def sweeps(options: argparse.Namespace) -> dict[str, list[dict[str, int]]]:
    """For each axis, the points along it; the other axes stay where they are smallest (history is swept at 8 candidates)."""
    return {
        "rows": [SMALLEST | {"rows": value} for value in options.rows],
        "candidates": [SMALLEST | {"candidates": value} for value in options.candidates],
        "history": [SMALLEST | {"candidates": 8, "history": value} for value in options.histories],
    }


def sweep(name: str, axis: str, points: list[dict[str, int]], rounds: int) -> list[dict[str, Any]]:
    """The rows of one model along one axis, relative to the axis' first point."""
    steppers = {point[axis]: Stepper(name, point["rows"], IMPRESSIONS // point["candidates"], point["candidates"],
                                     point["history"]) for point in points}
    seconds, found = compare(steppers, rounds), []
    for point in points:
        value, first = seconds[point[axis]], seconds[points[0][axis]]
        found.append({
            "dataset": f"synthetic, {point['rows']:,} items, {point['candidates']} candidates, history {point['history']}",
            "protocol": "1,024 impressions a step, histories of every length up to the longest, ids by power law",
            "model": name, "seeds": 1, "command": "make bench-step",
            "metrics": {"step_ms": {"mean": round(1e3 * value, 2), "std": 0.0},
                        f"relative_by_{axis}": {"mean": round(value / first, 3), "std": 0.0}}})
        print(f"{name:14} {axis:10} {point[axis]:>12,}  {1e3 * value:7.2f} ms  × {value / first:.3f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 2_000_000, 10_000_000])
    parser.add_argument("--candidates", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--histories", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--models", nargs="+", default=["din", "dien", "dmr", "embedding_mlp"])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--out", default="docs/results/step_cost.json")
    options = parser.parse_args()
    rows = []
    for name in options.models:
        for axis, points in sweeps(options).items():
            rows += sweep(name, axis, points, options.rounds)
            write_rows(options.out, rows)


if __name__ == "__main__":
    main()
