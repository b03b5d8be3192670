"""Versions of a model in the folder that servers watch, local or remote."""

from __future__ import annotations

from typing import NamedTuple

from zoo import files

SAVED_MODEL = "saved_model.pb"


class Version(NamedTuple):
    """A number and the SavedModel that servers know by it."""

    version: int
    path: str


def newest_version(folder: files.PathLike) -> Version | None:
    """The version with the highest number (`folder/<number>/saved_model.pb`); None where there is none.

    Args:
        folder: of versions. One that was deleted, or is still being copied, is none.
    """
    versions = [Version(int(name), files.join(folder, name)) for name in files.list_dir(folder) if name.isdigit()]
    return max((version for version in versions if has_model(version.path)), default=None)


def has_model(path: files.PathLike) -> bool:
    """Whether a SavedModel lies there, whole: what is copied last is there."""
    return files.is_file(files.join(path, SAVED_MODEL))
