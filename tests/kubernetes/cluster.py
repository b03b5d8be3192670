"""A Kubernetes of one control plane and two nodes, in namespaces of its own, for as long as a block runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.kubernetes.images import images, imported
from tests.kubernetes.programs import missing, programs

_SCRIPTS = Path(__file__).parent / "machine"
_GROUP = "kubernetes-proof"
_SECONDS = 600


class Cluster:
    """A running cluster.

    Args:
        cache: of programs and images.
        state: folder of what it writes: logs, certificates, the nodes' disks.
        pid: the first process of the control plane, as this machine sees it.
    """

    def __init__(self, cache: Path, state: Path, pid: int):
        self.cache, self.state, self.pid = cache, state, pid

    def inside(self, words: Sequence[str | Path], **options) -> subprocess.Popen[bytes]:
        """Starts a program beside the control plane: in its network, with kubectl on the path."""
        # nsenter has to be found before the namespaces' own root is.
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup",
                 f"--wd={os.getcwd()}", "--", *words]
        variables = {**os.environ, **environment(self.cache, self.state)}
        return subprocess.Popen(enter, env=variables, **options)


def environment(cache: Path, state: Path) -> dict[str, str]:
    """What the scripts and those that call kubectl need."""
    return {"HERE": str(_SCRIPTS), "CACHE": str(cache), "STATE": str(state), "KUBECONFIG": str(state / "pki/admin.kubeconfig"),
            "PATH": f"{cache / 'bin'}:{os.environ['PATH']}"}


def prepare(cache: Path) -> None:
    """Makes programs and images where they are not there; where no cluster can run, the program ends and says why."""
    lacking = missing()
    if lacking:
        sys.exit(f"No cluster can run here: {lacking}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: through all that has to be ended
    cache.mkdir(parents=True, exist_ok=True)
    programs(cache)
    imported(cache, images(cache, os.environ.get("TF_MODEL_SERVER")))


@contextlib.contextmanager
def running(cache: Path, state: Path) -> Iterator[Cluster]:
    """Starts a cluster and waits for its nodes; ends every process of it in any case.

    Args:
        cache: programs and images are there (`prepare`).
        state: an empty folder; its nodes' disks hold some GB.

    Raises:
        RuntimeError: it did not come up; the message has the end of the log.
    """
    for name in ("log", "etcd"):
        (state / name).mkdir(parents=True)
    log = state / "log/control.log"
    with open(log, "wb") as file:
        # A group of its own: Ctrl-C is for the caller, who ends this one by its number.
        start = f'. "$HERE/settings.sh"; enter_cgroup {_GROUP}; in_namespaces control_plane.sh'
        # Should this process be killed outright, that one is, too.
        outer = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "bash", "-c", start],
                                 env={**os.environ, **environment(cache, state)}, stdin=subprocess.DEVNULL, stdout=file,
                                 stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait(outer, state / "ready", log)
        yield Cluster(cache, state, _child(outer.pid))
    finally:
        # unshare's child, the first process of the namespaces, ends with it, and with that one all others do.
        outer.send_signal(signal.SIGKILL)
        outer.wait()
        _remove_groups()


def _wait(outer: subprocess.Popen[bytes], ready: Path, log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while not ready.exists():
        if outer.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the cluster did not come up:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.3)


def _child(pid: int) -> int:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout.split()
    return int(found[0])


def _remove_groups() -> None:
    """The groups of processes, which stay when their processes are gone; those take a moment to go."""
    for _ in range(50):
        groups = [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup") if f"/{_GROUP}" in folder]
        if not groups:
            return
        for group in sorted(groups, reverse=True):
            with contextlib.suppress(OSError):
                group.rmdir()
        time.sleep(0.2)
