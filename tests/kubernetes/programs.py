"""The programs of a Kubernetes, in a cache: Kubernetes itself built from Go modules, the rest from Debian's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.kubernetes.debian import unpack

VERSION = "1.33.4"
_SOURCE = Path(__file__).parent / "hyperkube"
_PARTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "coredns",
          "metrics-server")
_DEBIAN = ("runc", "containerd", "containernetworking-plugins", "etcd-server", "conntrack", "iptables", "libxtables12",
           "libip4tc2", "libip6tc2", "libnftnl11", "libmnl0", "libnetfilter-conntrack3", "libnfnetlink0", "libseccomp2")
_IPTABLES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


def missing() -> str:
    """Why no cluster can run here; empty where one can."""
    if os.geteuid():
        return "it makes namespaces, mounts and groups of processes: only root may"
    if not Path("/sys/fs/cgroup/memory").is_dir():
        return "the scripts know the groups of processes of version 1 only, and /sys/fs/cgroup/memory is not there"
    for program, package in (("go", "Go 1.24 or newer"), ("apt-get", "Debian"), ("unshare", "util-linux"), ("ip", "iproute2"),
                             ("openssl", "openssl"), ("pgrep", "procps")):
        if not shutil.which(program):
            return f"{program} is missing ({package})"
    return ""


def programs(cache: Path) -> Path:
    """The folder of programs, made where it is not there: the first time takes 10 to 20 minutes on two cores.

    Args:
        cache: keeps them, and Debian's packages.
    """
    debian, folder = unpack(_DEBIAN, cache / "debian"), cache / "bin"
    folder.mkdir(exist_ok=True)
    for name in _IPTABLES:
        _link(folder / name, debian / "usr/sbin/xtables-nft-multi")
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_SOURCE.iterdir()))).hexdigest()
    mark = folder / "hyperkube.source"
    if not mark.exists() or mark.read_text() != wanted:
        _build(folder / "hyperkube")
        mark.write_text(wanted)
    for name in _PARTS:
        _link(folder / name, folder / "hyperkube")
    return folder


def _build(target: Path) -> None:
    print(f"building Kubernetes {VERSION} from Go modules", flush=True)
    started = time.perf_counter()
    base, client = "k8s.io/component-base/version", "k8s.io/client-go/pkg/version"
    major, minor, _ = VERSION.split(".")
    said = [f"-X {base}.gitVersion=v{VERSION}", f"-X {base}.gitMajor={major}", f"-X {base}.gitMinor={minor}",
            f"-X {client}.gitVersion=v{VERSION}"]
    # go.sum has the checksum of every module.
    subprocess.run(["go", "build", "-mod=readonly", "-trimpath", "-ldflags", " ".join(["-s -w", *said]), "-o", target, "."],
                   cwd=_SOURCE, env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}, check=True)
    print(f"built in {time.perf_counter() - started:.0f} s", flush=True)


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.symlink_to(target)
