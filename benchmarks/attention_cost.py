"""Where the time of a DIN step goes: matrix products alone, the attention layer both ways, the whole step.

    python -m benchmarks.attention_cost

1,024 impressions with histories of 50 events, two id fields 16 wide, unit 80-40. All contestants take turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.results import write_rows
from benchmarks.step_cost import Stepper
from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig

IMPRESSIONS, HISTORY, WIDTH, UNITS = 1024, 50, 32, (80, 40)


def products() -> Callable[[], object]:
    """The products of the unit's three layers, forward and back, over all pairs: what no form of it can do without."""
    pairs, shape = IMPRESSIONS * HISTORY, (WIDTH, *UNITS, 1)
    rows = [tf.random.normal((pairs, width)) for width in shape]
    kernels = [tf.random.normal(pair) for pair in zip(shape[:-1], shape[1:], strict=True)]

    @tf.function
    def run():
        found = []
        for before, kernel, after in zip(rows[:-1], kernels, rows[1:], strict=True):
            found += [tf.matmul(before, kernel), tf.matmul(before, after, transpose_a=True),
                      tf.matmul(after, kernel, transpose_b=True)]
        return [tf.reduce_sum(value[:1]) for value in found]

    return run


def attention(candidates: int, lengths: np.ndarray, dense: bool) -> Callable[[], object]:
    """Forward and back through `TargetAttention` alone, held to one of the two ways."""
    rng, requests = np.random.default_rng(0), IMPRESSIONS // candidates
    query, keys = (tf.constant(rng.normal(size=(requests, n, WIDTH)), tf.float32) for n in (candidates, HISTORY))
    ids, past = (tf.constant(rng.integers(2, 1_000, (requests, n, 2))) for n in (candidates, HISTORY))
    asked = EmbeddedCandidates(query, query, tf.ones((requests, candidates)), ids)
    events = Behaviours(keys, tf.zeros((requests, HISTORY, 0)), tf.sequence_mask(lengths, HISTORY, dtype=tf.float32), past)
    layer = TargetAttention(TargetAttentionConfig(units=UNITS))

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch([query, keys])
            total = tf.reduce_sum(tf.square(layer(asked, events, training=True)))
        return tape.gradient(total, [query, keys, *layer.trainable_variables])

    usual, TargetAttention.DENSE_FROM = TargetAttention.DENSE_FROM, 0.0 if dense else 1.1
    run()  # the way is chosen while the graph is made
    TargetAttention.DENSE_FROM = usual
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--out", default="docs/results/attention_cost.json")
    options = parser.parse_args()
    contestants: dict[str, Callable[[], object]] = {"matrix products alone": products()}
    for candidates in (1, 8):
        requests = IMPRESSIONS // candidates
        for name, lengths in (("full", np.full(requests, HISTORY)),
                              ("1 to 50", np.random.default_rng(1).integers(1, HISTORY + 1, requests))):
            for dense in (True, False):
                contestants[f"attention, {candidates} candidates, lengths {name}, "
                            f"{'all pairs' if dense else 'real pairs'}"] = attention(candidates, lengths, dense)
    for model in ("din", "embedding_mlp"):
        stepper = Stepper(model, 100_000)
        contestants[f"whole step of {model}, 1 candidate, lengths 1 to 50"] = stepper.once
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - started))
    floor = times["matrix products alone"]
    write_rows(options.out, [{
        "dataset": "synthetic", "protocol": "1,024 impressions, history 50, forward and back, medians of rounds in turn",
        "model": name, "seeds": 1, "command": "python -m benchmarks.attention_cost",
        "metrics": {"ms": {"mean": round(float(np.median(values)), 1), "std": round(float(np.std(values)), 1)},
                    "over_products": {"mean": round(float(np.median(np.divide(values, floor))), 2), "std": 0.0}}}
        for name, values in times.items()])
    for name, values in times.items():
        print(f"{np.median(values):7.1f} ms  {name}")


if __name__ == "__main__":
    main()
