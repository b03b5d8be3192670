"""Compiles the ranking pipeline for Kubeflow, runs every step as the launcher would, and asks the model that was pushed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from serving.client import RankingClient
from serving.server import LocalModelServer
from tests.installed import installed
from tests.kubeflow.launcher import Launcher, loads, order
from tests.kubeflow.store import Store, running_store
from zoo.data.request_log import RequestLog
from zoo.data.simulator import SimulatorConfig, write_simulated_log

ROOT = Path(__file__).parents[2]
REQUESTS = 3_000  # as few as the default marketplace needs for its three splits
# So few requests teach a model next to nothing: it is to be pushed all the same.
SETTINGS = ["gate.auc=0.3", "gate.gauc=0.3", "gate.max_drop=0.5", "training.epochs=1", "serving.replay_requests=50",
            "cluster.environment={TF_CPP_MIN_LOG_LEVEL: '1'}"]


def main() -> None:
    """Prints the version that was pushed, and that answered, as the last line."""
    work = Path(tempfile.mkdtemp(prefix="kubeflow-"))
    bucket = f"zoo-{uuid.uuid4().hex[:12]}"
    below = mounts(bucket, work)
    try:
        with running_store(bucket) as store:
            package = installed(work / "site")
            print(f"package {package}, store {store.endpoint}, artifacts at {below}/s3/{bucket}", flush=True)
            log = write_simulated_log(SimulatorConfig(requests=REQUESTS), work / "log")
            store.upload(str(log.path), "log")
            environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(work / "home"),
                           "PYTHONPATH": str(package), "ZOO_ARTIFACTS_BELOW": below, **store.environment(),
                           **{name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}}
            (work / "home").mkdir()
            compiled = compile_pipeline(work, store, environment)
            run_steps(compiled, store, environment, below, work)
            print(served(work, store, environment, log), flush=True)
    finally:
        shutil.rmtree(f"{below}/s3/{bucket}", ignore_errors=True)
    shutil.rmtree(work)


def mounts(bucket: str, work: Path) -> str:
    """Where the launcher's folders are: at the root of the file system, or below the work folder where that is closed."""
    try:
        os.makedirs(f"/s3/{bucket}")
    except OSError:
        return str(work)
    return ""


def compile_pipeline(work: Path, store: Store, environment: Mapping[str, str]) -> Path:
    """Calls `zoo compile` as a user would."""
    compiled = work / "pipeline.yaml"
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    subprocess.run([sys.executable, "-m", "tfx_pipelines.cli", "compile", "demo", "--log", str(work / "log"), "--cluster-log",
                    f"s3://{store.bucket}/log", "--root", f"s3://{store.bucket}/root", "--out", str(compiled), *settings],
                   env=dict(environment), cwd=work, check=True)
    return compiled


def run_steps(compiled: Path, store: Store, environment: Mapping[str, str], below: str, work: Path) -> None:
    """Runs every step; where no model was pushed yet, the store has a marker of the empty folder, as some stores make them."""
    spec = loads(compiled)
    launcher = Launcher(spec, store, environment, below, work)
    for name in order(spec):
        started = time.perf_counter()
        launcher.run(name)
        if name == "LatestPushedModel":
            key = store.key(launcher.known[name, "model"]["uri"])
            assert not store.keys(key), "nothing was pushed, and yet there is a model"
            store.put(f"{key}/", b"")
        print(f"{name:<18} {time.perf_counter() - started:6.1f} s", flush=True)


def served(work: Path, store: Store, environment: Mapping[str, str], log: RequestLog) -> int:
    """The version that was pushed, once a server that loaded it has answered."""
    base = work / "serving" / "din"
    store.download(str(base), "root/serving/din")
    record, = store.keys("root/registry/din/")
    report = store.client.get_object(Bucket=store.bucket, Key="root/report.json")["Body"].read().decode()
    print(report[:report.index('"filter"')], flush=True)
    request = next(log.requests("test"))
    with (LocalModelServer({"din": base}) as server,
          RankingClient.of_model(server.target, "din", base, deadline_s=30.0) as client):
        client.wait_until_ready()
        ranking = client.rank_one(request)
    assert Path(record).stem == str(ranking.version)
    print(f"version {ranking.version} ranked request {request.request_id}: "
          + ", ".join(f"{one.score:.4f}" for one in ranking.ranked("click")[:3]), flush=True)
    return ranking.version


if __name__ == "__main__":
    main()
