"""Processes of this machine that play the machines of a cluster."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

from zoo.training.machines.cluster import WORKER, Cluster

LOG = logging.getLogger(__name__)
_SECONDS = 0.5
_SOON, _TRIES = 30.0, 3  # seconds; a worker that ends so soon so often in a row can't serve


class LocalServers:
    """Workers and parameter servers on loopback, while the `with` lasts; a worker that dies is started again.

    A parameter server is not: what it held is lost. Nor is a worker that can't serve, as its port is taken.

    Args:
        cluster: their addresses.
        log: file that gets what they print.

    Example:
        >>> with LocalServers(Cluster.local(machines), Path("servers.log")) as servers:
        ...     servers.processes["worker", 0].pid
    """

    def __init__(self, cluster: Cluster, log: Path):
        self.cluster, self.log = cluster, log
        self.processes: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self.lost = threading.Event()  # set once the training can't go on
        self._over = threading.Event()
        self._begun: dict[int, float] = {}
        self._failed: Counter[int] = Counter()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> LocalServers:
        for job, addresses in self.cluster.addresses().items():
            for index in range(len(addresses)):
                self._start(job, index)
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._watcher.join()
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()

    def _start(self, job: str, index: int) -> None:
        if job == WORKER:
            self._begun[index] = time.monotonic()
        with self.log.open("ab") as log:
            self.processes[job, index] = subprocess.Popen(
                [sys.executable, "-m", "zoo.training.machines.server", "--cluster", json.dumps(self.cluster.addresses()),
                 "--job", job, "--index", str(index), "--parent", str(os.getpid())], stdout=log, stderr=log)

    def _watch(self) -> None:
        while not self._over.wait(_SECONDS) and not self.lost.is_set():
            for (job, index), process in list(self.processes.items()):
                if process.poll() is None:
                    continue
                if job != WORKER or self._fails(index):
                    LOG.error("%s %d ended with %s; the training can't go on", job, index, process.returncode)
                    self.lost.set()
                    break
                LOG.warning("worker %d ended with %s and is started again", index, process.returncode)
                self._start(job, index)

    def _fails(self, index: int) -> bool:
        """Whether a worker that has ended would end again."""
        soon = time.monotonic() - self._begun[index] < _SOON
        self._failed[index] = self._failed[index] + 1 if soon else 0
        return self._failed[index] >= _TRIES

