"""Speed of the way from raw data to training batches: simulator, import, the pipeline's data stages, the training input.

    python -m benchmarks.data

Each is measured in a process of its own, one after the other, at two sizes: seconds, processor seconds (of all its processes)
and requests a second; starts count. The last line is a JSON object of the larger size; docs/results/data.json gets the table.
`growth_10x` is how much longer ten times the log takes, of import, simulator and pipeline the worst; `input_over_lr` how many
times as fast the training input is as LR, the fastest model, learns from it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.memory_data import IMPORT, write_events
from benchmarks.results import write_rows

_CHILD = """
import json, resource, sys, time
from benchmarks.data import work
def processor():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
started = time.perf_counter()
found = work(sys.argv[1], int(sys.argv[2]), sys.argv[3])
found.setdefault("seconds", time.perf_counter() - started)
print(json.dumps(found | {"processor_seconds": processor()}))
"""


def work(what: str, size: int, folder: str) -> dict[str, float]:
    """One measurement: `requests` made or read, and `seconds` where not all of the process counts.

    Args:
        what: `simulator`, `import` of events that lie in the folder, `pipeline` (the data stages on the simulated log there),
            `input` (reading what the pipeline made) or `lr` (an epoch of the fastest model on it).
        size: requests to simulate, or events that are imported.
        folder: to work in.
    """
    place = Path(folder)
    if what == "simulator":
        from zoo.data.simulator import SimulatorConfig, write_simulated_log

        return {"requests": _requests(write_simulated_log(SimulatorConfig(requests=size), place / "log"))}
    if what == "import":
        from zoo.config import parse
        from zoo.data.importer import ImportConfig, import_events

        return {"requests": _requests(import_events(parse(ImportConfig, IMPORT), [place / "events.csv"], place / "imported"))}
    from benchmarks.transformed import transformed
    from zoo.data.request_log import RequestLog

    log = RequestLog(place / "log")
    made = transformed(log.path, place / "pipeline")
    if what == "pipeline":
        return {"requests": _requests(log)}
    return {"requests": log.manifest["splits"]["train"]["requests"],
            "seconds": _reading(made) if what == "input" else _training(made)}


def _requests(log: Any) -> int:
    return sum(count["requests"] for count in log.manifest["splits"].values())


def _reading(made: Any) -> float:
    """Seconds for a pass over the training split, the second one: the first one starts what is started once."""
    import time

    from zoo.training import read_dataset

    for _ in range(2):
        started = time.perf_counter()
        for _batch in read_dataset(made.schema, made.files["train"], 256, shuffle_buffer=20_000):
            pass
    return time.perf_counter() - started


def _training(made: Any) -> float:
    """Seconds of LR's second epoch."""
    from zoo.training import TrainingConfig, train

    config = TrainingConfig(epochs=2, patience=2, batch_size=256)
    return train("lr", made.schema, made.files["train"], made.files["validation"], config=config).history[1]["seconds"]


def measure(what: str, size: int, folder: str) -> dict[str, float]:
    """What a process of its own found."""
    done = subprocess.run([sys.executable, "-c", _CHILD, what, str(size), folder], check=True, encoding="utf-8",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{what:10} {size:>10,}  {found['requests']:>9,.0f} requests  {found['seconds']:7.1f} s, of processors "
          f"{found['processor_seconds']:7.1f} s  {found['requests'] / found['seconds']:8.0f} requests/s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000, help="of the simulated log; then ten times as many")
    parser.add_argument("--events", type=int, default=100_000, help="of the imported log; then ten times as many")
    parser.add_argument("--out", default="docs/results/data.json")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    found: dict[tuple[str, int], dict[str, float]] = {}

    def one(what: str, base: int, times: int, folder: str) -> None:
        size = base * times
        seen = found[what, times] = measure(what, size, folder)
        rows.append({"dataset": f"{size:,} {'events' if what == 'import' else 'requests'}", "protocol": "a process of its own",
                     "model": what, "seeds": 1, "command": "make bench-data", "metrics": {
                         "seconds": {"mean": round(seen["seconds"], 1), "std": 0.0},
                         "processor_seconds": {"mean": round(seen["processor_seconds"], 1), "std": 0.0},
                         "requests_per_second": {"mean": round(seen["requests"] / seen["seconds"]), "std": 0.0}}})

    for times in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            write_events(Path(folder) / "events.csv", options.events * times)
            one("import", options.events, times, folder)
            for what in ("simulator", "pipeline", "input", "lr"):
                one(what, options.requests, times, folder)
    write_rows(options.out, rows)

    def rate(what: str) -> int:
        return round(found[what, 10]["requests"] / found[what, 10]["seconds"])

    grown = [found[what, 10]["seconds"] / found[what, 1]["seconds"] for what in ("import", "simulator", "pipeline")]
    print(json.dumps({"import_requests_per_s": rate("import"), "simulate_requests_per_s": rate("simulator"),
                      "pipeline_requests_per_s": rate("pipeline"), "growth_10x": round(max(grown), 2),
                      "input_over_lr": round(rate("input") / rate("lr"), 2)}))


if __name__ == "__main__":
    main()
