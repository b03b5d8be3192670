"""Cost of a training step by rows of the item table: it must not depend on them.

    python -m benchmarks.step_cost --out docs/results/step_cost.json
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks.results import write_rows
from zoo.keras import tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema
from zoo.training.config import OptimizersConfig
from zoo.training.optimizers import optimizer_for

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
                 config: dict[str, Any] | None = None, optimizers: OptimizersConfig | None = None):
        self.impressions = requests * candidates
        self.batches = batches(rows, requests, candidates, history, 8)
        model: RankingModel = registry.build(name, schema(rows), config)
        model(self.batches[0][0])
        model.compile(optimizer=optimizer_for(model, optimizers or OptimizersConfig()))
        self.step = tf.function(model.train_step)
        self.count = 0
        for _ in range(len(self.batches)):
            self.once()

    def once(self) -> float:
        """Seconds of one step."""
        batch = self.batches[self.count % len(self.batches)]
        self.count += 1
        started = time.perf_counter()
        self.step(batch)["loss"].numpy()
        return time.perf_counter() - started


def compare(steppers: dict[Any, Stepper], rounds: int) -> dict[Any, float]:
    """Median seconds a step; the contestants take turns, so that a noisy moment hits all of them."""
    times: dict[Any, list[float]] = {key: [] for key in steppers}
    for _ in range(rounds):
        for key, stepper in steppers.items():
            times[key].append(stepper.once())
    return {key: float(np.median(values)) for key, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 2_000_000, 10_000_000])
    parser.add_argument("--models", nargs="+", default=["din", "wdl"])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--out", default="docs/results/step_cost.json")
    options = parser.parse_args()
    rows = []
    for name in options.models:
        seconds = compare({size: Stepper(name, size) for size in options.rows}, options.rounds)
        for size, value in seconds.items():
            rows.append({
                "dataset": f"synthetic, {size:,} items", "protocol": "batch 1024, history up to 50, ids by power law",
                "model": name, "seeds": 1, "command": "make bench-step",
                "metrics": {"step_ms": {"mean": round(1e3 * value, 2), "std": 0.0},
                            "relative_to_smallest": {"mean": round(value / seconds[options.rows[0]], 3), "std": 0.0}}})
            print(f"{name:6} {size:>12,} rows  {1e3 * value:7.2f} ms  × {value / seconds[options.rows[0]]:.3f}")
    write_rows(options.out, rows)


if __name__ == "__main__":
    main()
