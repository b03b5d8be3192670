"""Packages of Debian, unpacked into a folder: nothing is installed on this machine. apt checks what it downloads."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def unpack(packages: Sequence[str], folder: Path) -> Path:
    """Downloads packages and unpacks them below a folder, unless they are there.

    Args:
        packages: their names.
        folder: that gets their files; `folder.debs` keeps the packages.
    """
    mark = folder / ".packages"
    if mark.exists() and mark.read_text().split() == list(packages):
        return folder
    debs = folder.with_suffix(".debs")
    debs.mkdir(parents=True, exist_ok=True)
    # As in Debian: one tree below /usr.
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"usr/{name}")
    download = ["apt-get", "download", "-qq", *packages]
    if subprocess.run(download, cwd=debs, capture_output=True).returncode:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(download, cwd=debs, check=True)
    for package in sorted(debs.glob("*.deb")):
        files = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", folder], stdin=files.stdout,
                       check=True)
        if files.wait():
            raise RuntimeError(f"{package}: dpkg-deb ended with {files.returncode}")
    mark.write_text("\n".join(packages))
    return folder
