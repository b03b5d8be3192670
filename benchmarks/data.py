"""Speed of the way from raw data to training batches: imports, simulator, the pipeline's data stages, the training input.

    python -m benchmarks.data

Each is measured in a process of its own, one after the other; starts count. Most are measured at two sizes. DeepCTR's and
FuxiCTR's ways from the same table of samples to the first training batch run in environments of their own, made on the first
call. The table goes to docs/results/data.json; the last line is a JSON object:

    import_requests_per_s, samples_rows_per_s, simulate_requests_per_s, pipeline_requests_per_s   at the larger size
    growth_10x      how much longer ten times the log takes, of import, simulator and pipeline the worst
    over_peer       how many times as fast as the fastest peer we get from samples to the first batch
    input_over_lr   how many times as fast the training input is as LR, the fastest model, learns from it

Smaller sizes for a look: --requests 10000 --events 100000 --samples 50000. By the defaults it takes some 20 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.memory_data import write_events
from benchmarks.peers.environments import ROOT, python_of
from benchmarks.peers.table import write_samples
from benchmarks.results import write_rows

SHARDS = (1, 2, 4)
PEERS = {"deepctr": "DeepCTR's pandas road", "fuxictr": "FuxiCTR's data builder"}
Found = dict[str, float]


class Table:
    """What was found, as rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.found: dict[tuple[str, str], Found] = {}

    def measure(self, what: str, dataset: str, command: list[str | Path]) -> Found:
        """Runs a process, whose last line of output says what it found.

        Raises:
            RuntimeError: it failed; with the end of what it said.
        """
        started, before = time.perf_counter(), _processor_seconds()
        done = subprocess.run(command, encoding="utf-8", capture_output=True, cwd=ROOT,
                              env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"})
        if done.returncode:
            raise RuntimeError(f"{what}, {dataset}: {done.stderr[-2000:]}")
        seconds, processors = time.perf_counter() - started, _processor_seconds() - before
        found = {"seconds": seconds, "processor_seconds": processors} | json.loads(done.stdout.strip().splitlines()[-1])
        speed = found["count"] / found["seconds"]
        print(f"{what:24} {dataset:24} {found['seconds']:7.1f} s, of processors {found['processor_seconds']:7.1f} s  "
              f"{speed:9,.0f}/s", flush=True)
        self.found[what, dataset] = found
        self.rows.append({
            "dataset": dataset, "protocol": "a process of its own, starts included; per second: requests, or rows of samples",
            "model": what, "seeds": 1, "command": "make bench-data", "metrics": {
                "seconds": {"mean": round(found["seconds"], 1), "std": 0.0},
                "processor_seconds": {"mean": round(found["processor_seconds"], 1), "std": 0.0},
                "per_second": {"mean": round(speed), "std": 0.0}}})
        return found

    def ours(self, what: str, dataset: str, size: int, folder: Path, title: str = "") -> Found:
        """Runs a piece of work of `benchmarks.data_work`."""
        return self.measure(title or what, dataset, [sys.executable, "-W", "ignore", "-m", "benchmarks.data_work", what,
                                                     str(size), folder])

    def rate(self, what: str, dataset: str) -> float:
        found = self.found[what, dataset]
        return found["count"] / found["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="of the simulated log; then ten times as many")
    parser.add_argument("--events", type=int, default=200_000, help="of the imported log; then ten times as many")
    parser.add_argument("--samples", type=int, default=2_000_000, help="rows of the table of samples")
    parser.add_argument("--first-batch", type=int, default=1_000_000, help="rows from which a first training batch is made")
    parser.add_argument("--no-peers", action="store_true", help="without DeepCTR and FuxiCTR, whose environments take a while")
    parser.add_argument("--out", default="docs/results/data.json")
    options = parser.parse_args()
    # Before anything is measured: these may have to be made.
    peers = {} if options.no_peers else {name: python_of(name) for name in PEERS}
    table = Table()
    print(json.dumps(_measured(table, options, peers)), flush=True)


def _measured(table: Table, options: argparse.Namespace, peers: dict[str, Path]) -> dict[str, float]:
    requests, events = ([f"{base * times:,} {unit}" for times in (1, 10)]
                        for base, unit in ((options.requests, "requests"), (options.events, "events")))
    for times, simulated, logged in zip((1, 10), requests, events, strict=True):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_events(folder / "events.csv", options.events * times)
            table.ours("import", logged, options.events * times, folder)
            if times == 10:
                for number in SHARDS:
                    table.ours("shards", logged, number, folder, f"import, {number} shard{'s' * (number > 1)}")
            table.ours("simulator", simulated, options.requests * times, folder)
            table.ours("pipeline", simulated, options.requests * times, folder)
            if times == 1:
                table.ours("input", simulated, options.requests, folder)
                table.ours("lr", simulated, options.requests, folder)
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name), f"{options.samples:,} rows"
        write_samples(folder / "samples.parquet", options.samples)
        table.ours("samples", rows, options.samples, folder)
    with tempfile.TemporaryDirectory() as name:
        folder, few = Path(name), f"{options.first_batch:,} rows"
        write_samples(folder / "samples.parquet", options.first_batch)
        table.ours("first batch", few, options.first_batch, folder, "to the first batch")
        theirs = [table.measure(PEERS[peer], few, [python, "-W", "ignore", "-m", f"benchmarks.peers.{peer}_reader",
                                                   folder / "samples.parquet"]) for peer, python in peers.items()]
    write_rows(options.out, table.rows)
    grown = [table.found[what, large]["seconds"] / table.found[what, small]["seconds"]
             for what, (small, large) in (("import", events), ("simulator", requests), ("pipeline", requests))]
    found = {"import_requests_per_s": round(table.rate("import", events[1])),
             "samples_rows_per_s": round(table.rate("samples", rows)),
             "simulate_requests_per_s": round(table.rate("simulator", requests[1])),
             "pipeline_requests_per_s": round(table.rate("pipeline", requests[1])), "growth_10x": round(max(grown), 2)}
    if theirs:
        fastest = min(one["seconds"] for one in theirs)
        found["over_peer"] = round(fastest / table.found["to the first batch", few]["seconds"], 2)
    return found | {"input_over_lr": round(table.rate("input", requests[0]) / table.rate("lr", requests[0]), 2)}


def _processor_seconds() -> float:
    """Of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
