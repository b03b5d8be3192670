"""A training on several machines, as `zoo.training.train` calls it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.training.machines.cluster import Cluster
from zoo.training.machines.config import MachinesConfig
from zoo.training.machines.job import RESULT, WEIGHTS, Job
from zoo.training.machines.local import LocalServers

_SHOWN = 1500  # characters of a log in an error's message


class MachinesError(RuntimeError):
    """A training on several machines ended before its end; the message has the reason and the log."""


def train_on_machines(model: RankingModel, machines: MachinesConfig, on_progress: Callable[[str], None],
                      **job: Any) -> dict[str, Any]:
    """Trains a model by other processes; it has the weights of the best epoch afterwards.

    Args:
        model: with the weights to begin with.
        machines: how the training is divided.
        on_progress: called with one line an epoch.
        **job: what else a `Job` says of it.

    Returns:
        `history` and `best_epoch`.

    Raises:
        ConfigError: TF_CONFIG does not name these machines.
        MachinesError: the training could not be led to its end; called again, it goes on from its last checkpoint.
    """
    local = machines.cluster == "local"
    cluster = Cluster.local(machines) if local else Cluster.of_tf_config(os.environ.get("TF_CONFIG"), machines)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = tf.train.Checkpoint(model=model).write(str(folder / "begin"))
        told = Job(begin=begin, cluster={job: tuple(all_) for job, all_ in cluster.addresses().items()}, out=name, **job)
        (folder / "job.json").write_text(told.model_dump_json(), encoding="utf-8")
        with LocalServers(cluster, folder / "servers.log") if local else contextlib.nullcontext():
            _follow(folder, on_progress)
        tf.train.Checkpoint(model=model).read(str(folder / WEIGHTS)).assert_existing_objects_matched()
        return json.loads((folder / RESULT).read_text(encoding="utf-8"))


def _follow(folder: Path, on_progress: Callable[[str], None]) -> None:
    """Runs the process that leads, and hands on what it says."""
    log = folder / "coordinator.log"
    with log.open("wb") as errors, subprocess.Popen(
            [sys.executable, "-m", "zoo.training.machines.coordinator", str(folder / "job.json")],
            stdout=subprocess.PIPE, stderr=errors, text=True) as leader:
        try:
            assert leader.stdout is not None
            for line in leader.stdout:
                on_progress(line.rstrip("\n"))
            code = leader.wait()
        finally:
            leader.kill()
    if code:
        said = "\n".join(path.read_text(encoding="utf-8", errors="replace")[-_SHOWN:] for path in
                         (log, folder / "servers.log") if path.is_file())
        raise MachinesError(f"the training on several machines ended with {code}; run it again to go on from its last "
                            f"checkpoint. What its processes said last:\n{said}")
