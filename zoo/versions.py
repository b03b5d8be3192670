"""Versions of a model in the folder that servers watch, local or remote."""

from __future__ import annotations

import time
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


def publish(model: files.PathLike, folder: files.PathLike) -> Version:
    """Makes a SavedModel the newest version in a folder, where it appears whole.

    Where folders can be renamed it is copied under a name that servers pass over; elsewhere `saved_model.pb` is copied last.

    Args:
        model: the SavedModel.
        folder: of versions, which is made if there is none.

    Returns:
        The version; its number is the time in seconds, as TFX's Pusher has it, or one above the newest.
    """
    newest = newest_version(folder)
    number = max(int(time.time()), newest.version + 1 if newest else 0)
    path = files.join(folder, str(number))
    with files.writing(folder):
        if files.renames_folders(folder):
            partial = files.join(folder, f".{number}.partial")
            files.remove(partial)
            files.copy(model, partial)
            files.move(partial, path)
        else:
            for name in sorted(files.list_dir(model), key=lambda one: one == SAVED_MODEL):
                files.copy(files.join(model, name), files.join(path, name))
    return Version(number, path)
