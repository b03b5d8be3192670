"""A Debian 13 in a folder, for the lane that this machine can't hold: a glibc of 2.41, and Python 3.13."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.kubernetes.debian import unpack

_PACKAGES = "python3,python3-venv,python3-dev,gcc,g++,libgomp1,make,ca-certificates"
_MIRROR = "http://deb.debian.org/debian"
# The folder's own processes and mounts are gone with the command.
_INSIDE = """
mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"
"""


def missing() -> str | None:
    """Why there can be no such folder here; None where there can."""
    if os.geteuid():
        return "only root may change its root"
    absent = [name for name in ("apt-get", "dpkg-deb", "setpriv", "unshare", "chroot") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found on PATH" if absent else None


def debian_13(folder: Path) -> Path:
    """Makes the folder where it is not there: a minute, and 700 MB."""
    root = folder / "root"
    if not (root / ".complete").exists():
        with tempfile.TemporaryDirectory() as name:
            tool = unpack(["debootstrap"], Path(name) / "debootstrap")
            make = [tool / "usr/sbin/debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "trixie", root, _MIRROR]
            subprocess.run(make, env=os.environ | {"DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")}, check=True,
                           stdout=subprocess.DEVNULL)
        for place in ("etc/resolv.conf", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
            if Path("/", place).is_file():  # how this machine reaches package indexes
                shutil.copy(Path("/", place), root / place)
        (root / ".complete").touch()
    return root


def copied(repository: Path, root: Path) -> None:
    """Lays the files of a repository that git does not ignore into `/src`."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=repository, check=True,
                            stdout=subprocess.PIPE).stdout
    environment, target = root / "src/.venv", root / "src"
    kept = environment.rename(root / "venv.kept") if environment.is_dir() else None
    shutil.rmtree(target, ignore_errors=True)
    for name in listed.decode().split("\0"):
        source = repository / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    if kept:
        kept.rename(environment)


def inside(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in the folder's `/src`."""
    variables = {name: value for name, value in os.environ.items() if name.endswith("_CERT_FILE") or name == "PIP_CERT"}
    # Should this process be killed outright, that one is, too, and with it all that it started.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _INSIDE,
               str(root), "env", "-C", "/src", *words]
    variables |= {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
