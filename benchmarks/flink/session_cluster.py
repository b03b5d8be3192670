"""A stand-alone Apache Flink session cluster: a JobManager, and TaskManagers with a network and Python workers of their own.

It needs root, and runs in a network namespace of its own, which nothing outside is seen from: what uses it begins by
`in_own_network()`. Java and Maven are needed as by `benchmarks.flink.cluster`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flink import cluster
from benchmarks.flink.cluster import ended, java, job_server, listens, started, wait_until, worker_pool

_NET = "10.99.0"
_REST, _RPC, _JOB, _ARTIFACTS, _EXPANSION, _POOL = 8081, 6123, 8099, 8098, 8097, 50_000
_START_SECONDS = 120
# What a TaskManager is told of its memory, in place of the sum that Flink's shell scripts make; and what both are told.
_MEMORY = {"taskmanager.cpu.cores": "1.0", "taskmanager.memory.framework.heap.size": "128mb",
           "taskmanager.memory.framework.off-heap.size": "128mb", "taskmanager.memory.task.heap.size": "512mb",
           "taskmanager.memory.task.off-heap.size": "64mb", "taskmanager.memory.network.min": "256mb",
           "taskmanager.memory.network.max": "256mb", "taskmanager.memory.managed.size": "256mb",
           "taskmanager.memory.jvm-metaspace.size": "256mb", "taskmanager.memory.jvm-overhead.min": "128mb",
           "taskmanager.memory.jvm-overhead.max": "128mb"}
_SETTINGS = {"jobmanager.rpc.address": f"{_NET}.1", "jobmanager.rpc.port": f"{_RPC}", "jobmanager.bind-host": "0.0.0.0",
             "rest.address": f"{_NET}.1", "rest.bind-address": f"{_NET}.1", "rest.port": f"{_REST}",
             "blob.server.port": "6124",
             # Of each shuffle that is under way, of which a pipeline has dozens; 512 by default.
             "taskmanager.network.sort-shuffle.min-buffers": "32",
             # A TaskManager that says nothing for so long is lost, and what it did is done again by others.
             "heartbeat.interval": "1000", "heartbeat.timeout": "8000",
             "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "10",
             "restart-strategy.fixed-delay.delay": "2 s",
             # How long an attempt waits for slots, five minutes by default: of ten attempts, a job would wait for an hour.
             "slot.request.timeout": "60000",
             # Beam stands on Flink's own class path here, and in what a job brings along.
             "classloader.resolve-order": "parent-first", "classloader.check-leaked-classloader": "false"}


def missing() -> str | None:
    """What this machine lacks to run a session cluster; None where it has all."""
    absent = [name for name in ("ip", "unshare", "nsenter", "setpriv") if shutil.which(name) is None]
    if cluster.missing() or absent:
        return cluster.missing() or f"{' and '.join(absent)} not found on PATH"
    return None if os.geteuid() == 0 else "only root may make network namespaces"


def in_own_network(words: Sequence[str]) -> int:
    """Runs a Python program in a network of its own, whose processes all end with it; its exit status."""
    cluster.libraries()  # from there, nothing can be fetched
    # Should this process be killed outright, that one is, too, and with it all that it started.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child",
               "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable, *words]
    return subprocess.run(command, check=False).returncode


@contextlib.contextmanager
def session_cluster(slots: int, logs: Path, managers: int = 2) -> Iterator[SessionCluster]:
    """A cluster for as long as the block runs.

    Args:
        slots: of each TaskManager; as many Python workers, each a process, do its work.
        logs: folder for what the processes say.
        managers: how many TaskManagers.

    Raises:
        RuntimeError: this process is not in a network of its own, or something did not start.
    """
    if len(Path("/proc/net/route").read_text(encoding="ascii").splitlines()) > 1:  # a network of its own leads nowhere
        raise RuntimeError("a session cluster runs in a network of its own; begin by `in_own_network`")
    logs.mkdir(parents=True, exist_ok=True)
    for words in (["link", "add", "flink", "type", "bridge"], ["addr", "add", f"{_NET}.1/24", "dev", "flink"],
                  ["link", "set", "flink", "up"]):
        subprocess.run(["ip", *words], check=True)
    made = SessionCluster(slots, logs)
    with contextlib.ExitStack() as stack:
        stack.callback(made.end)
        stack.callback(subprocess.run, ["ip", "link", "delete", "flink"], check=False)
        made.begin()
        for number in range(managers):
            made.start(number)
        wait_until(lambda: made.slots() == slots * managers, _START_SECONDS, f"the TaskManagers are not there; see {logs}")
        yield made


class SessionCluster:
    """A JobManager with Beam's job server beside it, and TaskManagers by number.

    Args:
        slots: of each TaskManager.
        logs: folder for what the processes say.

    Attributes:
        arguments: of Beam, that send a pipeline there.
    """

    def __init__(self, slots: int, logs: Path):
        self.of_each, self.logs = slots, logs
        self._own: list[subprocess.Popen[bytes]] = []
        self._managers: dict[int, list[subprocess.Popen[bytes]]] = {}
        self._addresses = itertools.count(2)
        self.arguments = ["--runner=PortableRunner", f"--job_endpoint=localhost:{_JOB}", "--environment_type=EXTERNAL",
                          f"--environment_config=localhost:{_POOL}", f"--sdk_worker_parallelism={slots}"]

    def begin(self) -> None:
        """Starts the JobManager and the job server."""
        self._own.append(self._java("jobmanager", "runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                                    ["--executionMode", "cluster"], _SETTINGS, "-Xmx700m"))
        wait_until(lambda: self.slots() is not None, _START_SECONDS, f"the JobManager does not answer; see {self.logs}")
        self._own.append(started(job_server(f"{_NET}.1:{_REST}", _JOB, _ARTIFACTS, _EXPANSION, self.logs),
                                 self.logs / "job-server.log"))
        wait_until(lambda: listens(_JOB), _START_SECONDS, f"the job server did not start; see {self.logs}")

    def start(self, number: int) -> None:
        """Starts a TaskManager and its workers, in a network of their own.

        Its address is new, as a new pod's is: to that of one that was killed, the JobManager holds a connection which nothing
        has closed, and what it sends there is lost.
        """
        place = next(self._addresses)
        network = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], start_new_session=True)
        self._managers[number] = [network]
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{network.pid}/ns/net") != own, 10, "no network namespace can be made")
        inside = ["nsenter", f"--target={network.pid}", "--net", "--"]
        cable, address = f"flink{place}", f"{_NET}.{place}"
        for words in (["ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", f"{network.pid}"],
                      ["ip", "link", "set", cable, "master", "flink", "up"],
                      [*inside, "ip", "addr", "add", f"{address}/24", "dev", "eth0"],
                      [*inside, "ip", "link", "set", "eth0", "up"], [*inside, "ip", "link", "set", "lo", "up"]):
            subprocess.run(words, check=True)
        self._managers[number] += [
            started([*inside, *worker_pool(_POOL)], self.logs / f"workers-{number}.log"),
            self._java(f"taskmanager-{number}", "runtime.taskexecutor.TaskManagerRunner", [], _SETTINGS | _MEMORY | {
                "taskmanager.host": address, "taskmanager.bind-host": address, "taskmanager.rpc.port": "6122",
                "taskmanager.numberOfTaskSlots": f"{self.of_each}"}, "-Xmx640m", inside)]

    def kill(self, number: int) -> None:
        """Ends a TaskManager and its workers at once, by SIGKILL."""
        for process in reversed(self._managers.pop(number)):
            ended(process, at_once=True)

    def end(self) -> None:
        for number in list(self._managers):
            self.kill(number)
        for process in reversed(self._own):
            ended(process)

    def slots(self) -> int | None:
        """How many slots the JobManager knows of; None where it does not answer."""
        try:
            return int(self._asked("overview")["slots-total"])
        except OSError:
            return None

    def jobs(self) -> list[str]:
        """All jobs that there have been, in order."""
        found = sorted(self._asked("jobs/overview")["jobs"], key=lambda one: one["start-time"])
        return [one["jid"] for one in found]

    def restarts(self, job: str) -> int:
        """How often a job, which may be over, lost something and began anew."""
        return len(self._asked(f"jobs/{job}/exceptions")["exceptionHistory"]["entries"])

    @staticmethod
    def _asked(what: str) -> Any:
        """What the JobManager's REST answers."""
        with urllib.request.urlopen(f"http://{_NET}.1:{_REST}/{what}", timeout=5) as answer:
            return json.load(answer)

    def _java(self, name: str, entry: str, words: Sequence[str], settings: dict[str, str], memory: str,
              inside: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        folder = self.logs / name
        folder.mkdir(exist_ok=True)
        said = settings | {"io.tmp.dirs": str(folder / "work")}
        (folder / "config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in said.items()), encoding="utf-8")
        return started([*inside, *java(f"org.apache.flink.{entry}", memory), "--configDir", str(folder), *words],
                       self.logs / f"{name}.log")
