"""Apache Flink on this machine as a Beam runner: a job server with Flink inside, and a pool of Python workers.

Java and Maven are needed for this alone; nothing of the package asks for them.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = HERE.parents[1] / "runs/flink/lib"
_OPENED = "--add-opens=java.base/{0}=ALL-UNNAMED"
_PACKAGES = ("java.lang", "java.util", "java.nio", "java.time", "sun.nio.ch")
_START_SECONDS = 60


def missing() -> str | None:
    """What this machine lacks to run Flink; None where it has all."""
    absent = [name for name in ("java", *(() if LIBRARIES.is_dir() else ("mvn",))) if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found on PATH" if absent else None


def libraries() -> Path:
    """The folder of the job server's classes, fetched with Maven where it is not there yet (152 MB)."""
    if not LIBRARIES.is_dir():
        draft = LIBRARIES.with_name("lib.partial")
        subprocess.run(["mvn", "-q", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", "-DincludeScope=runtime",
                        f"-DoutputDirectory={draft}"], check=True)
        draft.rename(LIBRARIES)
    return LIBRARIES


@contextlib.contextmanager
def flink(slots: int, logs: Path) -> Iterator[list[str]]:
    """Beam's arguments for a Flink that runs for as long as the block does.

    Args:
        slots: of the one TaskManager; as many Python workers, each a process, do the work.
        logs: folder for what the processes say.

    Raises:
        RuntimeError: it did not start.
    """
    job, artifacts, expansion, pool = _free_ports(4)
    logs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for name, port, command in (("job-server", job, job_server("[local]", job, artifacts, expansion, logs)),
                                    ("workers", pool, worker_pool(pool))):
            log = logs / f"{name}.log"
            process = started(command, log)
            stack.callback(ended, process)
            wait_until(functools.partial(listens, port), _START_SECONDS, f"{' '.join(command[:3])} … did not start; see {log}",
                       process)
        yield ["--runner=PortableRunner", f"--job_endpoint=localhost:{job}", "--environment_type=EXTERNAL",
               f"--environment_config=localhost:{pool}", f"--parallelism={slots}", f"--sdk_worker_parallelism={slots}"]


def java(entry: str, *options: str) -> list[str]:
    """The command of a Java program of Flink or Beam."""
    return ["java", *options, *(_OPENED.format(name) for name in _PACKAGES), "-cp", f"{libraries()}/*", entry]


def job_server(flink_master: str, job: int, artifacts: int, expansion: int, logs: Path) -> list[str]:
    """The command of Beam's job server, which hands pipelines to Flink.

    Args:
        flink_master: address of a JobManager, or `[local]` for a Flink inside.
        job, artifacts, expansion: ports on localhost.
        logs: folder for artifacts of jobs.
    """
    return [*java("org.apache.beam.runners.flink.FlinkJobServerDriver"), f"--flink-master={flink_master}",
            "--job-host=localhost", f"--job-port={job}", f"--artifact-port={artifacts}", f"--expansion-port={expansion}",
            f"--artifacts-dir={logs / 'artifacts'}"]


def worker_pool(port: int) -> list[str]:
    """The command that starts Python workers for who asks at a port of localhost."""
    return [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]


def started(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """A process in a group of its own."""
    # The pool starts plain `python`: the one of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with open(log, "ab") as said:
        return subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env=os.environ | {"PATH": path})


def ended(process: subprocess.Popen[bytes], at_once: bool = False) -> None:
    """Ends a process's group, and nothing else; `at_once` by SIGKILL."""
    for how in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            break


def wait_until(there: Callable[[], bool], seconds: float, otherwise: str,
               process: subprocess.Popen[bytes] | None = None) -> None:
    """Waits for something.

    Raises:
        RuntimeError: it is not there in time, or the process that it comes from has ended.
    """
    deadline = time.monotonic() + seconds
    while not there():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            raise RuntimeError(otherwise)
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Whether something answers at a port of localhost."""
    with socket.socket() as tried:
        return tried.connect_ex(("localhost", port)) == 0


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
