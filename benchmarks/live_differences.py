"""Live rooms: by how much one model ranks better than another on the same test split, and within what bounds.

    python -m benchmarks.live --log runs/live/log --models double_sequence hin
    python -m benchmarks.live_differences --dataset live --pairs "hin over double_sequence"

Of every two runs of a seed, the difference in GAUC of clicks and of orders, with an interval of 95 % by bootstrap over groups
(`zoo.metrics.gauc_interval`): what the day's users and requests might have been. Means over seeds; ± is how seeds differ. Reads
what `benchmarks.live` has kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import live
from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from zoo.metrics import Interval, gauc_interval

OUTCOMES = ("click", "order")
OVER = " over "
PROTOCOL = ("thousandths of GAUC on the test split, runs of one seed against each other; low and high: an interval of 95 % by "
            "bootstrap over groups")


def intervals(run: Any, other: Any) -> dict[str, Interval]:
    """By outcome, by how much a run is above another one.

    Args:
        run: arrays of `live.keep`.
        other: those of the other run.

    Raises:
        ValueError: they are of different rooms.
    """
    for name in ("groups", *OUTCOMES):
        if not np.array_equal(run[name], other[name], equal_nan=True):
            raise ValueError(f"{name} differ: the two runs are of different test splits; remove both files and measure again")
    return {name: gauc_interval(run["groups"], run[name], run[f"{name}_score"], against=other[f"{name}_score"])
            for name in OUTCOMES}


def row(dataset: str, pair: str, found: list[dict[str, Interval]], command: str) -> dict[str, Any]:
    """A line of the table, in thousandths of GAUC: means over the seeds."""
    metrics = {f"{bound}_{name}".removeprefix("value_"): mean_std([1000 * getattr(one[name], bound) for one in found], 1)
               for name in OUTCOMES for bound in Interval._fields}
    return {"dataset": dataset, "protocol": PROTOCOL, "model": pair, "seeds": len(found), "metrics": metrics,
            "command": command}


def _pair(text: str) -> str:
    names = text.split(OVER)
    if len(names) != 2 or not set(names) <= set(live.MODELS):
        raise argparse.ArgumentTypeError(f"{text!r} is no pair of models: 'MODEL over OTHER', both of {', '.join(live.MODELS)}")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default=live.LOG, help=f"what the table calls the log (default: {live.LOG})")
    parser.add_argument("--pairs", type=_pair, nargs="+", required=True, metavar="PAIR",
                        help="by how much the first is above the second, such as: 'hin over double_sequence'")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="of finished runs (default: runs/DATASET)")
    parser.add_argument("--out", default="docs/results/live_differences.json")
    options = parser.parse_args()
    root, dataset = options.root or Path("runs", options.dataset), options.dataset
    files = {(name, seed): live.kept(root, name, seed).with_suffix(".npz")
             for pair in options.pairs for name in pair.split(OVER) for seed in options.seeds}
    absent = [str(file) for file in files.values() if not file.is_file()]
    if absent:
        parser.error(f"no such file: {', '.join(absent)}; benchmarks.live writes them with each run; where a run is "
                     "finished without one, remove its .json and measure again")
    rows = {(one["dataset"], one["model"]): one for one in read_rows(options.out)}
    command = f"python -m benchmarks.live_differences --dataset {dataset}"
    for pair in options.pairs:
        found = [intervals(*(np.load(files[name, seed]) for name in pair.split(OVER))) for seed in options.seeds]
        one = row(dataset, pair, found, f'{command} --pairs "{pair}"{with_seeds(options.seeds)}')
        rows[dataset, pair] = one
        print(pair, {metric: value["mean"] for metric, value in one["metrics"].items()}, flush=True)
    write_rows(options.out, list(rows.values()))


if __name__ == "__main__":
    main()
