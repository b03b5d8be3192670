"""Compiles the ranking pipeline for Kubeflow, runs every step as the launcher would, and asks the model that was pushed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from serving.client import RankingClient
from serving.server import LocalModelServer
from tests.installed import installed
from tests.kubeflow import pods
from tests.kubeflow.launcher import Launcher, documents, order
from tests.kubeflow.pods import PodLauncher
from tests.kubeflow.store import Store, running_store
from tests.kubernetes import cluster
from tests.kubernetes.images import ZOO
from zoo.data.request_log import RequestLog
from zoo.data.simulator import SimulatorConfig, write_simulated_log

ROOT = Path(__file__).parents[2]
REQUESTS = 3_000  # as few as the default marketplace needs for its three splits
CONTROL = "10.98.0.1"  # the control plane's address in the cluster's own network (tests/kubernetes/machine/settings.sh)
# So few requests teach a model next to nothing: it is to be pushed all the same.
SETTINGS = ["gate.auc=0.3", "gate.gauc=0.3", "gate.max_drop=0.5", "training.epochs=1", "serving.replay_requests=50",
            "search={trials: 2, space: {model.config.embedding.dim: [8, 16]}}",
            "cluster.environment={TF_CPP_MIN_LOG_LEVEL: '1'}"]


def main() -> None:
    """Prints the version that was pushed, and that answered, as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", action="store_true", help="each step is a pod of a Kubernetes that is started for it "
                        "(root on Debian with Go; docs/fleet.md)")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/cascade-zoo/kubernetes",
                        help="with --pods: folder for programs and images")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.pods:
        in_cluster(given.cache.absolute())
    else:
        prove(given.inside)


def in_cluster(cache: Path) -> None:
    """Starts a cluster, and the proof beside its control plane."""
    cluster.prepare(cache)
    state = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    try:
        with cluster.running(cache, state / "cluster") as running:
            inside = running.inside([sys.executable, "-m", "tests.kubeflow.proof", "--inside"])
            if inside.wait():
                sys.exit(inside.returncode)
    finally:
        shutil.rmtree(state)


def prove(as_pods: bool) -> None:
    """Compiles, runs every step, and asks the model."""
    work = Path(tempfile.mkdtemp(prefix="kubeflow-"))
    bucket = f"zoo-{uuid.uuid4().hex[:12]}"
    below = str(work) if as_pods else mounts(bucket, work)
    work.chmod(0o755)  # pods are another user
    try:
        with running_store(bucket, CONTROL if as_pods else "127.0.0.1") as store:
            package = installed(work / "site")
            print(f"package {package}, store {store.endpoint}, artifacts at {below}/s3/{bucket}", flush=True)
            log = write_simulated_log(SimulatorConfig(requests=REQUESTS), work / "log")
            store.upload(str(log.path), "log")
            environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(work / "home"),
                           "PYTHONPATH": str(package), "ZOO_ARTIFACTS_BELOW": below, **store.environment(),
                           **{name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}}
            (work / "home").mkdir()
            settings = [*SETTINGS, *(pods.settings(ZOO, store.environment()) if as_pods else [])]
            compiled = compile_pipeline(work, store, environment, settings)
            spec, *platform = documents(compiled)
            if as_pods:
                pods.prepare(store.environment())
                launcher = PodLauncher(spec, store, environment, below, work, platform=platform[0])
            else:
                launcher = Launcher(spec, store, environment, below, work)
            run_steps(launcher)
            if isinstance(launcher, PodLauncher):
                print(f"{len(launcher.nodes)} steps were pods, on {', '.join(sorted(set(launcher.nodes)))}", flush=True)
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


def compile_pipeline(work: Path, store: Store, environment: Mapping[str, str], settings: Sequence[str]) -> Path:
    """Calls `zoo compile` as a user would."""
    compiled = work / "pipeline.yaml"
    words = [word for setting in settings for word in ("--set", setting)]
    subprocess.run([sys.executable, "-m", "tfx_pipelines.cli", "compile", "demo", "--log", str(work / "log"), "--cluster-log",
                    f"s3://{store.bucket}/log", "--root", f"s3://{store.bucket}/root", "--out", str(compiled), *words],
                   env=dict(environment), cwd=work, check=True)
    return compiled


def run_steps(launcher: Launcher) -> None:
    """Runs every step; where no model was pushed yet, the store has a marker of the empty folder, as some stores make them."""
    store = launcher.store
    for name in order(launcher.spec):
        started = time.perf_counter()
        launcher.run(name)
        if name == "LatestPushedModel":
            key = store.key(launcher.known[name, "model"]["uri"])
            assert not store.keys(key), "nothing was pushed, and yet there is a model"
            store.put(f"{key}/", b"")
        print(f"{name:<20} {time.perf_counter() - started:6.1f} s", flush=True)


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
