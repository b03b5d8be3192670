"""Live rooms from log to pushed model on a stand-alone Flink, and an import there of which a TaskManager is killed.

    python -m tests.flink.proof FOLDER

The last line is a JSON object: `vocabularies`, `neighbours` and `log`, each whether it is byte for byte what this machine's
processes make, `auc` of both runs' models, and how often Flink began the import's job anew (`restarts`).
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.flink.session_cluster import SessionCluster, in_own_network, missing, session_cluster
from benchmarks.flink.work import import_log, made_of, prepare, sharded
from tfx_pipelines.config import load_run_config
from tfx_pipelines.run import run_pipeline
from zoo.data.simulator import SimulatorConfig, write_simulated_log
from zoo.data.simulator.live.config import LiveConfig

REQUESTS, EVENTS, SHARDS, KILLED_AFTER = 1_500, 400_000, 16, 2.0
INSIDE = "--inside"


def main() -> None:
    folder = Path(sys.argv[-1])
    lacking = missing()
    if lacking:
        sys.exit(f"No session cluster can run here: {lacking}.")
    if INSIDE not in sys.argv:
        sys.exit(in_own_network(["-m", "tests.flink.proof", INSIDE, str(folder)]))
    simulated = SimulatorConfig(requests=REQUESTS, users=200, base=-2.0, live=LiveConfig(user_ids=True))
    write_simulated_log(simulated, folder / "rooms")
    prepare(folder, EVENTS)
    sharded(folder, EVENTS, SHARDS)
    here = ranked(folder, "here", [])
    logged = made_of(import_log("import", folder, 2))
    with session_cluster(1, folder / "flink") as flink:
        there = ranked(folder, "there", [*flink.arguments, "--parallelism=2"])
        print("the run is over; the import begins", flush=True)
        killer = threading.Thread(target=kill_in_the_middle, args=(flink, flink.jobs()), daemon=True)
        killer.start()
        again = made_of(import_log("import", folder, [*flink.arguments, "--parallelism=2"]))
        killer.join()
        restarts = flink.restarts(flink.jobs()[-1])
    print(json.dumps({"vocabularies": here["vocabularies"] == there["vocabularies"],
                      "neighbours": here["neighbours"] == there["neighbours"], "log": logged == again,
                      "auc": [here["auc"], there["auc"]], "restarts": restarts}))


def ranked(folder: Path, name: str, arguments: list[str]) -> dict[str, Any]:
    """Runs the whole pipeline of the third generation of live rooms, by this machine or by Beam's arguments."""
    options: dict[str, Any] = {"data.log": str(folder / "rooms"), "pipeline.root": str(folder / name), "training.epochs": 2,
                               "gate": {"auc": 0.4, "gauc": 0.4}}
    if arguments:
        options |= {"beam.runner": "PortableRunner", "beam.arguments": arguments[1:]}
    started = time.monotonic()
    run, report = run_pipeline(load_run_config("live", model="hin", options=options))
    print(f"{name}: a model is pushed after {time.monotonic() - started:.0f} s", flush=True)
    return {"vocabularies": digest(Path(run.artifacts["Transform", "transform_graph"]) / "transform_fn/assets"),
            "neighbours": digest(Path(run.artifacts["NeighbourLists", "neighbours"])),
            "auc": report["metrics"]["auc"]}


def kill_in_the_middle(flink: SessionCluster, before: list[str]) -> None:
    """Kills a TaskManager and its workers while a job of theirs runs, and starts another one as an operator would."""
    while len(flink.jobs()) == len(before):
        time.sleep(0.1)
    time.sleep(KILLED_AFTER)
    flink.kill(0)
    print("a TaskManager is killed", flush=True)
    time.sleep(3)
    flink.start(0)


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()}


if __name__ == "__main__":
    main()
