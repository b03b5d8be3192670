"""Starts a cluster with real nodes, runs the rendered fleet on it under load, and ends all that it started."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kubernetes import cluster
from tests.kubernetes.scenario import UNDER_LOAD


def main() -> None:
    """Prints `pods`, `calls`, `failed` and `rolled_back` as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/cascade-zoo/kubernetes",
                        help="folder for programs and images: 10 GB")
    parser.add_argument("--out", type=Path, help="JSON file for what was seen")
    parser.add_argument("--keep", action="store_true", help="leave the logs and the nodes' disks")
    parser.add_argument("--checks", nargs="+", metavar="NAME", default=[], choices=[*UNDER_LOAD, "gpus"],
                        help=f"only these, once the fleet is up: {', '.join([*UNDER_LOAD, 'gpus'])}")
    given = parser.parse_args()
    os.nice(max(0, 5 - os.nice(0)))
    cache = given.cache.absolute()
    cluster.prepare(cache)
    # Beside the images, which the nodes share by hard links.
    work = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    try:
        write_models(work / "made")
        prove(cache, work, given.checks)
        if given.out:
            shutil.copy(work / "found.json", given.out)
    finally:
        if given.keep:
            print(f"kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work)


def write_models(folder: Path) -> None:
    """What will be pushed; the store is made with it, so that pods can mount it."""
    from tests.kubernetes.models import write_model

    folder.mkdir()
    folder.parent.joinpath("store").mkdir()
    for name, model, worse in (("din", "din", False), ("newer", "din", False), ("worse", "din", True), ("lr", "lr", False)):
        write_model(model, folder / name, worse)


def prove(cache: Path, work: Path, checks: Sequence[str]) -> None:
    """Runs the scenario inside a cluster."""
    started = time.monotonic()
    with cluster.running(cache, work / "cluster") as running:
        print(f"two nodes are ready after {time.monotonic() - started:.0f} s", flush=True)
        scenario = running.inside([sys.executable, "-m", "tests.kubernetes.scenario", work, running.state / "pki", *checks])
        if scenario.wait():
            raise subprocess.CalledProcessError(scenario.returncode, "tests.kubernetes.scenario")


if __name__ == "__main__":
    main()
