"""Environments of the peers, made once from their pinned requirements."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python_of(peer: str) -> Path:
    """The interpreter of `.venv-PEER`, made anew where its requirements changed."""
    requirements = Path(__file__).with_name(f"requirements-{peer}.txt")
    folder = ROOT / f".venv-{peer}"
    stamp, wanted = folder / ".complete", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        print(f"making {folder.name} (a few minutes the first time)", flush=True)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "-r", requirements], check=True, stdout=sys.stderr)
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "bin" / "python"
