"""A locale that is not UTF-8, for programs started by a test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def latin_1(folder: Path) -> dict[str, str]:
    """The environment of a process in the locale de_DE.ISO-8859-1, which is compiled into `folder`."""
    if not shutil.which("localedef"):
        pytest.skip("no localedef here, to compile a locale that is not UTF-8")
    # Its exit code is 1 where it only warns.
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(folder / "de_DE.ISO-8859-1")],
                          capture_output=True, text=True)
    if not (folder / "de_DE.ISO-8859-1").is_dir():
        pytest.skip(f"localedef can't compile de_DE.ISO-8859-1: {made.stderr[-200:]}")
    left_out = ("PYTHONUTF8", "PYTHONIOENCODING", "LANG")
    kept = {name: value for name, value in os.environ.items() if name not in left_out and not name.startswith("LC_")}
    return kept | {"LOCPATH": str(folder), "LC_ALL": "de_DE.ISO-8859-1"}
