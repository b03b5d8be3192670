"""A training on several machines, as `zoo.training.train` calls it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zoo import files
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.training.machines.cluster import Cluster
from zoo.training.machines.config import MachinesConfig
from zoo.training.machines.job import JOB, RESULT, WEIGHTS, Job
from zoo.training.machines.local import LocalServers
from zoo.training.machines.meeting import call_together, called

_SHOWN = 1500  # characters of a log in an error's message
_SECONDS = 0.5


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
        ConfigError: the model has trees; TF_CONFIG does not name these machines.
        MachinesError: the training could not be led to its end; called again, it goes on from its last checkpoint.
    """
    if reason := model.begins_anew():
        raise ConfigError(f"a training of {type(model).__name__} can't be divided between machines: {reason}; leave "
                          "training.machines out")
    local = machines.cluster == "local"
    cluster = Cluster.local(machines) if local else Cluster.of_tf_config(os.environ.get("TF_CONFIG"), machines)
    with tempfile.TemporaryDirectory() as name, _told(machines, name) as place:
        begin = tf.train.Checkpoint(model=model).write(files.join(place, "begin"))
        told = Job(begin=begin, cluster={job: tuple(all_) for job, all_ in cluster.addresses().items()}, out=place, **job)
        files.write_text(files.join(place, JOB), told.model_dump_json())
        if machines.meeting:
            call_together(machines.meeting, files.join(place, JOB))
        with _others(machines, cluster, Path(name), files.join(place, JOB)) as in_vain:
            _follow(machines, Path(name), files.join(place, JOB), in_vain, on_progress)
        tf.train.Checkpoint(model=model).read(files.join(place, WEIGHTS)).assert_existing_objects_matched()
        return json.loads(files.read_text(files.join(place, RESULT)))


@contextlib.contextmanager
def _told(machines: MachinesConfig, here: str) -> Iterator[str]:
    """Where the other processes find the job: a folder of this machine, or one where all machines meet."""
    if not machines.meeting:
        yield here
        return
    left = called(machines.meeting)
    if left and files.exists(left):
        files.remove(files.parent(left))  # of a leader that was killed
    place = files.join(machines.meeting, uuid.uuid4().hex)
    files.make_dirs(place)
    try:
        yield place
    finally:
        files.remove(place)


@contextlib.contextmanager
def _others(machines: MachinesConfig, cluster: Cluster, folder: Path, job: str) -> Iterator[Callable[[], bool]]:
    """The processes beside the one that leads; says whether it waits in vain, as one that it needs has ended."""
    if machines.cluster == "local" and machines.kind == "synchronous":
        members = [_started(folder, job, f"member-{index}", "member", str(index)) for index in range(1, machines.workers)]
        try:
            yield lambda: any(one.poll() for one in members)
        finally:
            for one in members:
                one.kill()
                one.wait()
    elif machines.cluster == "local":
        with LocalServers(cluster, folder / "servers.log") as servers:
            yield servers.lost.is_set
    else:
        yield lambda: False


def _started(folder: Path, job: str, name: str, module: str, *arguments: str, read: bool = False) -> subprocess.Popen[str]:
    """Starts a process; what it prints is read here, or goes to its log, since a pipe that nobody reads fills up."""
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", f"zoo.training.machines.{module}", job, str(os.getpid()), *arguments],
                                stdout=subprocess.PIPE if read else log, stderr=log, text=True)


def _follow(machines: MachinesConfig, folder: Path, job: str, in_vain: Callable[[], bool],
            on_progress: Callable[[str], None]) -> None:
    """Runs the process that leads, and hands on what it says."""
    what = ("coordinator",) if machines.kind == "parameter_servers" else ("member", "0")
    leader = _started(folder, job, "leader", *what, read=True)

    def watch() -> None:
        # One that waits for a worker which is gone would wait for long.
        while leader.poll() is None:
            time.sleep(_SECONDS)
            if in_vain():
                leader.kill()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        assert leader.stdout is not None
        for line in leader.stdout:
            on_progress(line.rstrip("\n"))
        code = leader.wait()
    finally:
        leader.kill()
        watcher.join()
    if code:
        said = "\n".join(path.read_text(encoding="utf-8", errors="replace")[-_SHOWN:] for path in sorted(folder.glob("*.log")))
        raise MachinesError(f"the training on several machines ended with {code}; run it again to go on from its last "
                            f"checkpoint. What its processes said last:\n{said}")
