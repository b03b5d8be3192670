"""Apache Flink on this machine as a Beam runner: a job server with Flink inside, and a pool of Python workers.

Java and Maven are needed for this alone; nothing of the package asks for them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
    server = ["java", *(_OPENED.format(name) for name in _PACKAGES), "-cp", f"{libraries()}/*",
              "org.apache.beam.runners.flink.FlinkJobServerDriver", "--flink-master=[local]", "--job-host=localhost",
              f"--job-port={job}", f"--artifact-port={artifacts}", f"--expansion-port={expansion}",
              f"--artifacts-dir={logs / 'artifacts'}"]
    workers = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={pool}"]
    with _running(server, logs / "job-server.log", job), _running(workers, logs / "workers.log", pool):
        yield ["--runner=PortableRunner", f"--job_endpoint=localhost:{job}", "--environment_type=EXTERNAL",
               f"--environment_config=localhost:{pool}", f"--parallelism={slots}", f"--sdk_worker_parallelism={slots}"]


@contextlib.contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[None]:
    """A process in a group of its own that listens on a port; the group, and nothing else, is ended with the block."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # The pool starts plain `python`: the one of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with open(log, "ab") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env=os.environ | {"PATH": path})
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command[:3])} … did not start; see {log}")
            time.sleep(0.1)
        yield
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("localhost", port)) == 0


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
