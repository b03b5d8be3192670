"""Training speed side by side with DeepCTR 0.9.4 and FuxiCTR 2.3.7, and of request-level training.

    python -m benchmarks.peers

Same samples for all: 1,024 impressions a step, histories of 50 events, fields item and category, tables 16 wide, tower
200-80, Adam. Every project has its own environment (made on the first run) and process; they take turns, and ratios compare
the rounds of one turn. The last line is a JSON object of ratios; the table goes to docs/results/peers.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.peers.contest import ratio, take_turns
from benchmarks.peers.environments import python_of
from benchmarks.peers.samples import BATCHES, IMPRESSIONS, Shape
from benchmarks.results import write_rows

SMALL, LARGE, HUGE = 100_000, 2_000_000, 10_000_000
MODELS = {"din": "din", "dien": "dien", "dmr": "dmr", "base": "embedding_mlp"}


def contests() -> tuple[dict[str, Shape], dict[str, Shape], dict[str, Shape]]:
    """Contests of the zoo, of DeepCTR and of FuxiCTR."""
    ours = {"din_100k": Shape(SMALL), "din_2m": Shape(LARGE), "din_10m": Shape(HUGE),
            "din_varied": Shape(SMALL, lengths="varied")}
    for name, model in MODELS.items():
        if name != "din":
            ours[f"{name}_100k"] = Shape(SMALL, model=model)
        ours[f"{name}_request"] = Shape(SMALL, candidates=8, model=model)
    theirs = {"100k": Shape(SMALL), "2m": Shape(LARGE), "varied": Shape(SMALL, lengths="varied")}
    return (ours, *({f"{peer}_{name}": shape for name, shape in theirs.items()} for peer in ("deepctr", "fuxictr")))


def ratios(times: dict[str, list[float]]) -> dict[str, float]:
    """What is claimed, and its neighbours: above 1, ours is faster."""
    found = {
        "din_100k": ratio(times, "din_100k", "deepctr_100k"), "din_2m": ratio(times, "din_2m", "deepctr_2m"),
        "din_varied": ratio(times, "din_varied", "deepctr_varied"),
        "din_request_100k": ratio(times, "din_request", "deepctr_100k"),
        "din_100k_fuxictr": ratio(times, "din_100k", "fuxictr_100k"), "din_2m_fuxictr": ratio(times, "din_2m", "fuxictr_2m"),
        "din_varied_fuxictr": ratio(times, "din_varied", "fuxictr_varied"),
        "flat_10m": ratio(times, "din_10m", "din_100k"),
    }
    found |= {f"request_level_{name}": ratio(times, f"{name}_request", f"{name}_100k") for name in MODELS}
    found["dien_over_din"] = ratio(times, "din_request", "dien_request")
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="turns of every contest")
    parser.add_argument("--out", default="docs/results/peers.json")
    options = parser.parse_args()
    ours, deepctr, fuxictr = contests()
    times = take_turns([("zoo_worker", Path(sys.executable), ours),
                        ("deepctr_worker", python_of("deepctr"), deepctr),
                        ("fuxictr_worker", python_of("fuxictr"), fuxictr)], options.rounds)
    rows = []
    for name, shape in (ours | deepctr | fuxictr).items():
        speeds = IMPRESSIONS * BATCHES / np.array(times[name])
        project = name.split("_")[0] if name in deepctr | fuxictr else "cascade-zoo"
        rows.append({
            "dataset": f"{shape.rows:,} items, {shape.lengths} histories, {shape.candidates} candidates",
            "protocol": "1,024 impressions a step, history 50, medians and deviation over rounds that take turns",
            "model": f"{shape.model} ({project})", "seeds": 1, "command": "make bench-peers",
            "metrics": {"impressions_per_s": {"mean": round(float(np.median(speeds)), -2),
                                              "std": round(float(np.std(speeds)), -2)}}})
        print(f"{rows[-1]['model']:28} {rows[-1]['dataset']:48} {np.median(speeds):10,.0f} impressions/s")
    write_rows(options.out, rows)
    print(json.dumps(ratios(times)))


if __name__ == "__main__":
    main()
