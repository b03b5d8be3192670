"""The built package, without the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def installed(target: Path) -> Path:
    """Builds the package and puts it into a folder; what it needs is not put there."""
    with tempfile.TemporaryDirectory(prefix="package-") as work:
        source = Path(work)
        for package in ("zoo", "serving", "tfx_pipelines"):
            shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, source)
        subprocess.run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
                        "--python", sys.executable, "--target", str(target), str(source)], check=True)
    return target
