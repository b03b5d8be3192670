"""A worker on a machine of its own that waits for a synchronous training, and takes part in it.

    python -m zoo.training.machines.meeting FOLDER

TF_CONFIG says which worker this is, as training operators of Kubernetes set it. The process that leads leaves in the folder,
which all machines reach, what is to be trained; this one is ended from outside, as the operators do once the leader is done. A
training that fell because one machine died is begun anew by the leader, and the others follow.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from zoo import files
from zoo.config import ConfigError
from zoo.training.machines.cluster import CHIEF, WORKER

LOG = logging.getLogger(__name__)
_CALL = "call.json"
_SECONDS = 1.0


def call_together(folder: str, job: str) -> None:
    """Tells the others that wait at a folder which job is theirs; one that they are at is over."""
    files.make_dirs(folder)
    files.replace_text(files.join(folder, _CALL), json.dumps({"job": job}))


def called(folder: str) -> str | None:
    """The job that was told last, None before the first one."""
    try:
        return json.loads(files.read_text(files.join(folder, _CALL)))["job"]
    except FileNotFoundError:
        return None


def place_of(said: Mapping[str, Any]) -> int:
    """The number of this worker, of which the one that leads is the first.

    Args:
        said: TF_CONFIG.

    Raises:
        ConfigError: it is the one that leads, or a machine of another kind.
    """
    task, chief = said.get("task", {}), len(said.get("cluster", {}).get(CHIEF, ()))
    number = int(task.get("index", 0)) + chief
    if task.get("type") != WORKER or not number:
        raise ConfigError(f"TF_CONFIG says that this is the task {task}; a worker waits here that is not the one that leads")
    return number


def wait(folder: str, index: int) -> None:
    """Takes part in every job that is told, for ever."""
    seen, member = None, None
    while True:
        job = called(folder)
        if job != seen:
            if member is not None:
                member.kill()
                member.wait()
            seen = job
            # The leader removes what is over; a call that was left by one that died is of nothing.
            member = subprocess.Popen([sys.executable, "-m", "zoo.training.machines.member", job, str(os.getpid()), str(index)]
                                      ) if job and files.exists(job) else None
        if member is not None and (code := member.poll()) is not None:
            LOG.warning("%s ended with %d; waiting for the next one", job, code)
            member = None
        time.sleep(_SECONDS)


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    wait(sys.argv[1], place_of(json.loads(os.environ.get("TF_CONFIG") or "{}")))


if __name__ == "__main__":
    main()
