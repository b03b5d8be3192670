"""Memory of the simulator and of the import by length of the log: both must stay flat.

    python -m benchmarks.memory_data

`--events 20000000 --requests` measures the import of twenty million events alone, which takes a quarter of an hour; rows of
other sizes stay in the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.results import read_rows, write_rows

REQUESTS, EVENTS = [10_000, 100_000], [40_000, 400_000, 2_000_000]

_CHILD = """
import json, resource, sys, time
from benchmarks.memory_data import work
from benchmarks.usage import wait_for_processes
started = time.perf_counter()
work(sys.argv[1], int(sys.argv[2]), sys.argv[3])
seconds = time.perf_counter() - started
wait_for_processes()
# Of this process and of the largest of those that it started.
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
print(json.dumps({"seconds": seconds, "peak_mib": peak}))
"""

IMPORT = {
    "name": "synthetic", "columns": {"user": "user", "session": "session", "time": "time", "event": "event", "item": "item"},
    "clicks": ["click"], "attributes": [{"name": "category", "role": "category"}],
    "splits": {"validation_from": "2023-11-22", "test_from": "2023-11-24", "until": "2024-01-01"},
}


def work(what: str, size: int, folder: str) -> None:
    """Simulates `size` requests, or imports a log of `size` events that a child before it wrote."""
    if what == "simulator":
        from zoo.data.simulator import SimulatorConfig, write_simulated_log

        write_simulated_log(SimulatorConfig(requests=size), Path(folder) / "log")
        return
    from zoo.config import parse
    from zoo.data.importer import ImportConfig, import_events

    import_events(parse(ImportConfig, IMPORT), [Path(folder) / "events.csv"], Path(folder) / "log")


def write_events(path: Path, size: int) -> None:
    """A CSV of clicks: sessions of 5, as many users as a tenth of the sessions, 20,000 items, ten days."""
    import numpy as np

    rng = np.random.default_rng(0)
    with open(path, "w", encoding="utf-8") as file:
        file.write("user,session,time,event,item,category\n")
        for first in range(0, size // 5, 10_000):
            count = min(10_000, size // 5 - first)
            users = rng.integers(0, max(1, size // 50), count)
            starts = 1_700_006_400 + rng.integers(0, 10 * 86_400, count)
            items = rng.zipf(1.3, (count, 5)) % 20_000
            for row in range(count):
                file.writelines(f"u{users[row]},s{first + row},{starts[row] + 30 * k},click,i{items[row, k]},"
                                f"c{items[row, k] % 200}\n" for k in range(5))


def measure(what: str, size: int) -> dict[str, float]:
    """Seconds and peak resident memory of a process of its own, of the largest process."""
    with tempfile.TemporaryDirectory() as folder:
        if what == "import":
            write_events(Path(folder) / "events.csv", size)
        done = subprocess.run([sys.executable, "-c", _CHILD, what, str(size), folder], check=True, encoding="utf-8",
                              stdout=subprocess.PIPE)
    return json.loads(done.stdout.strip().splitlines()[-1])


def row_of(what: str, unit: str, size: int, seen: dict[str, float]) -> dict[str, Any]:
    """What was seen, as a row of the table."""
    metrics = {"peak_mib": round(seen["peak_mib"]), "seconds": round(seen["seconds"], 1),
               f"{unit}_per_second": round(size / seen["seconds"])}
    return {"dataset": f"{size:,} {unit}", "protocol": "a process of its own; peak of the largest process",
            "model": what, "seeds": 1, "command": "make bench-memory" if size in REQUESTS + EVENTS else
            f"python -m benchmarks.memory_data --{unit} {size} --{'requests' if unit == 'events' else 'events'}",
            "metrics": {name: {"mean": value, "std": 0.0} for name, value in metrics.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, nargs="*", default=REQUESTS, help="of the simulated logs")
    parser.add_argument("--events", type=int, nargs="*", default=EVENTS, help="of the imported logs")
    parser.add_argument("--out", default="docs/results/memory.json")
    options = parser.parse_args()
    rows = {(row["model"], row["dataset"]): row for row in read_rows(options.out)}
    for what, unit, sizes in (("simulator", "requests", options.requests), ("import", "events", options.events)):
        for size in sizes:
            seen = measure(what, size)
            print(f"{what:10} {size:>10,} {unit}  {seen['seconds']:7.1f} s  {seen['peak_mib']:6.0f} MiB", flush=True)
            row = row_of(what, unit, size, seen)
            rows[row["model"], row["dataset"]] = row
    write_rows(options.out, list(rows.values()))


if __name__ == "__main__":
    main()
