"""Versions of a model in the folder that servers watch, local or remote."""

from __future__ import annotations

import errno
import tempfile
import time
import uuid
from typing import NamedTuple

from zoo import files
from zoo.manifest import faults_of, write_manifest

SAVED_MODEL = "saved_model.pb"
# The end of the name under which a version is copied; servers pass over what is no number.
DRAFT = ".partial"


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


def versions_in(folder: files.PathLike) -> list[int]:
    """Numbers of the whole versions in a folder, ascending."""
    return sorted(int(one) for one in files.list_dir(folder) if one.isdigit() and has_model(files.join(folder, one)))


def publish(model: files.PathLike, folder: files.PathLike) -> Version:
    """Makes a SavedModel the newest version in a folder, where it appears whole, with a manifest of its files.

    Where folders can be renamed it is copied under a name that servers pass over, written through to the disk, and renamed, so
    that of two pushers at once the later one takes the next number; elsewhere `saved_model.pb` is copied last, and the version
    is read again against its manifest. After an error there is nothing of it.

    Args:
        model: the SavedModel.
        folder: of versions, which is made if there is none.

    Returns:
        The version; its number is the time in seconds, as TFX's Pusher has it, or one above the newest where a clock was wrong.

    Raises:
        FileError: the folder takes no more, or holds something else than was copied.
    """
    with files.writing(folder):
        files.make_dirs(folder)
        if not files.renames_folders(folder):
            return _publish_object_by_object(model, folder)
        # No pusher's draft is another's.
        draft = files.join(folder, f".{uuid.uuid4().hex}{DRAFT}")
        try:
            files.copy(model, draft)
            write_manifest(draft)
            files.write_through(draft)
            return _renamed(draft, folder)
        finally:
            files.remove(draft)


def _renamed(draft: str, folder: files.PathLike) -> Version:
    number = _next_number(folder)
    while True:
        path = files.join(folder, str(number))
        # An empty folder would be replaced, and a copy that goes on in it would end up in ours.
        if not files.exists(path):
            try:
                files.move(draft, path)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                files.write_through_name(folder)
                return Version(number, path)
        number += 1


def _publish_object_by_object(model: files.PathLike, folder: files.PathLike) -> Version:
    number = _next_number(folder)
    path = files.join(folder, str(number))
    with tempfile.TemporaryDirectory(prefix="zoo-") as local:
        files.copy(model, files.join(local, "model"))
        write_manifest(files.join(local, "model"))
        try:
            for name in sorted(files.list_dir(files.join(local, "model")), key=lambda one: one == SAVED_MODEL):
                files.copy(files.join(local, "model", name), files.join(path, name))
        except BaseException:
            files.remove(path)
            raise
    faults = faults_of(path)
    if faults:
        raise files.FileError(f"{path}: not what was pushed: {faults[0]}; another pusher may have taken the number: push again")
    return Version(number, path)


def _next_number(folder: files.PathLike) -> int:
    numbers = [int(one) for one in files.list_dir(folder) if one.isdigit()]
    return max(int(time.time()), max(numbers, default=-1) + 1)
