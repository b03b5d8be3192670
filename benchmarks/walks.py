"""Speed of random walks along a meta-path by size of the graph, beside csrgraph (numba) in the same run.

    python -m benchmarks.walks

Users bought items, some of them far more often than others; walks go user-item-user, 40 nodes each. Steps are counted a second
of the processor, on one thread, and both packages walk the same arrays. csrgraph knows no types: on a graph of two, its uniform
walks go through both in turn, as the meta-path does. The last line is a JSON object: `steps_per_s` on the largest graph,
`peer_ratio` (ours over csrgraph's) there, and `growth`, what a step costs on the largest graph over the smallest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.peers.environments import python_of
from benchmarks.results import write_rows
from zoo.graph import Edges, Graph, MetaPath, WalkConfig, walk, write_graph

LENGTH = 40
BLOCKS = 4
WORKER = Path(__file__).with_name("peers") / "csrgraph_worker.py"


def make_graph(folder: Path, edges: int) -> float:
    """Writes a graph of users and items; the seconds that it took."""
    rng = np.random.default_rng(0)
    users, items = edges // 20, edges // 50
    source = rng.integers(0, users, edges)
    target = np.minimum((rng.random(edges) ** 2 * items).astype(np.int64), items - 1)
    started = time.perf_counter()
    write_graph(folder, [Edges("bought", "user", "item", pa.table({"source": source, "target": target}))])
    return time.perf_counter() - started


def ours(folder: Path) -> tuple[float, int]:
    """Steps a second of the processor, and how many walks that were."""
    graph = Graph(folder)
    path, config = MetaPath.of("user-item-user", graph), WalkConfig(walks=1_000, length=LENGTH)
    walk(graph, path, config, 0)
    started, steps, walks = time.process_time(), 0, 0
    for block in range(BLOCKS):
        found = walk(graph, path, config, block)
        steps, walks = steps + int((found[:, 1:] >= 0).sum()), walks + len(found)
    return steps / (time.process_time() - started), walks


def theirs(folder: Path, walks: int) -> float:
    """The same by csrgraph."""
    done = subprocess.run([python_of("csrgraph"), WORKER, folder, str(walks), str(LENGTH)], check=True, text=True,
                          stdout=subprocess.PIPE, env=os.environ | {"NUMBA_NUM_THREADS": "1"})
    found = json.loads(done.stdout.splitlines()[-1])
    return found["steps"] / found["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--out", default="docs/results/walks.json")
    options = parser.parse_args()
    rows, speeds, ratios = [], [], []
    for edges in options.edges:
        with tempfile.TemporaryDirectory() as folder:
            seconds = make_graph(Path(folder), edges)
            speed, walks = ours(Path(folder))
            peer = theirs(Path(folder), walks)
        speeds.append(speed)
        ratios.append(speed / peer)
        print(f"{edges:12,} edges: {speed:14,.0f} steps/s, csrgraph {peer:12,.0f}; written in {seconds:.1f} s", flush=True)
        for model, value in (("zoo.graph", speed), ("csrgraph", peer)):
            metrics = {"steps_per_second": {"mean": round(value), "std": 0.0}}
            if model == "zoo.graph":
                metrics["seconds_to_write"] = {"mean": round(seconds, 1), "std": 0.0}
            rows.append({"dataset": f"{edges:,} edges", "model": model,
                         "protocol": "user-item-user, 40 nodes a walk; one thread, processor time",
                         "seeds": 1, "command": "make bench-walks", "metrics": metrics})
    write_rows(options.out, rows)
    print(json.dumps({"steps_per_s": round(speeds[-1]), "peer_ratio": round(ratios[-1], 2),
                      "growth": round(speeds[0] / speeds[-1], 2)}))


if __name__ == "__main__":
    main()
