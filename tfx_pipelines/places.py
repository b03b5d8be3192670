"""Where a run's things lie: the root may be any URI, what has to be locked and appended to is local."""

from __future__ import annotations

from pathlib import Path

from tfx_pipelines.config import RunConfig
from zoo import files


def serving_dir(config: RunConfig) -> str:
    """The folder that servers watch for versions of the run's model."""
    return files.join(files.absolute(config.root), "serving", config.served_name)


def day_report(config: RunConfig, span: int) -> str:
    """The report of a daily run, which stays when other days have been run."""
    return files.join(files.absolute(config.root), "days", f"{span}.json")


def local_folder(config: RunConfig) -> Path:
    """The folder of ML Metadata (SQLite), logs and the lock: the root, or `runs/NAME` where that is remote."""
    return Path(files.absolute(f"runs/{config.name}" if files.scheme(config.root) else config.root))


def tensorflow_reads(place: str) -> bool:
    """Whether TensorFlow opens a place itself. That nothing here reaches it, does not mean that nothing does elsewhere."""
    try:
        return files.tensorflow_reads(place)
    except files.FileError:
        return False
