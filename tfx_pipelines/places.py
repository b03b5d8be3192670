"""Where a run's things lie: the root may be any URI, what has to be locked and appended to is local."""

from __future__ import annotations

import os
from pathlib import Path

from tfx_pipelines.config import RunConfig


def is_remote(path: str) -> bool:
    """Whether a path names its file system (`gs://…`), and so is none of this machine."""
    return "://" in path


def absolute(path: str) -> str:
    """The path from the root of its file system."""
    return path if is_remote(path) else os.path.abspath(path)


def serving_dir(config: RunConfig) -> str:
    """The folder that servers watch for versions of the run's model."""
    return f"{absolute(config.root)}/serving/{config.served_name}"


def local_folder(config: RunConfig) -> Path:
    """The folder of ML Metadata (SQLite), logs and the lock: the root, or `runs/NAME` where that is remote."""
    return Path(os.path.abspath(f"runs/{config.name}" if is_remote(config.root) else config.root))
