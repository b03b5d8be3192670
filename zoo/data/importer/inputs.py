"""The files of an import: those that are named or fit a pattern, those of a folder, and those in a .zip."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import posixpath
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from zoo import files
from zoo.data.importer.sources import EventLogError


class Input(NamedTuple):
    """A file to read.

    Args:
        name: as the user knows it, for messages.
        path: where it lies on this machine.
    """

    name: str
    path: str


_MAGIC = re.compile(r"[*?[]")


def found(paths: Sequence[files.PathLike]) -> list[str]:
    """The files that some paths stand for, in their order; those of a folder or a pattern by name.

    A folder stands for the files below it. So does a path in whose parts `*`, `?` and `[…]` are patterns, where nothing is
    called just so. Names that begin with `_` or `.`, as Spark and Hive write them beside the data, are left out.

    Args:
        paths: local paths or URIs of files and folders, or patterns of them.

    Raises:
        EventLogError: there is no such file, a folder has none, or one is there twice.
    """
    all_files = [file for path in paths for file in _standing_for(files.normal(path))]
    twice = next((file for number, file in enumerate(all_files) if file in all_files[:number]), None)
    if twice:
        raise EventLogError(f"{twice}: named twice, so its rows would be there twice")
    return all_files


@contextlib.contextmanager
def opened_file(file: str, room: str) -> Iterator[list[Input]]:
    """A file on this machine, or several where it is a `.zip`, for as long as the block runs.

    Args:
        file: local path or URI.
        room: folder to unpack into.

    Raises:
        EventLogError: it is a .zip that can't be unpacked, or has no files.
    """
    with files.local_copy(file) as local, contextlib.ExitStack() as stack:
        if local.lower().endswith(".zip"):
            folder = os.path.join(room, f"zip-{files.name(file)}")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            yield _unpacked(file, local, folder)
        else:
            yield [Input(file, local)]


@contextlib.contextmanager
def opened(paths: Sequence[files.PathLike], room: str) -> Iterator[list[Input]]:
    """All files that some paths stand for, on this machine, for as long as the block runs.

    Args:
        paths: as `found` takes them.
        room: folder to unpack into.

    Raises:
        EventLogError: as `found` and `opened_file` do.
    """
    with contextlib.ExitStack() as stack:
        yield [one for number, file in enumerate(found(paths))
               for one in stack.enter_context(opened_file(file, os.path.join(room, f"input-{number}")))]


def _standing_for(path: str) -> list[str]:
    """The files that a path stands for."""
    if files.is_file(path):
        return [path]
    if files.is_dir(path):
        below = [file for name in _data(path) for file in _standing_for(files.join(path, name))]
        if not below:
            raise EventLogError(f"{path}: the folder has no files")
        return below
    magic = _MAGIC.search(path)
    if not magic:
        raise EventLogError(f"{path}: no such file")
    fitting = _fitting(path, magic.start())
    if not fitting:
        raise EventLogError(f"{path}: no such file, and none whose name fits the pattern")
    return [file for one in fitting for file in _standing_for(one)]


def _fitting(pattern: str, magic: int) -> list[str]:
    """Files and folders whose names fit a pattern, part by part."""
    folder, slash, names = pattern[:pattern.rfind("/", 0, magic) + 1], "/", pattern[pattern.rfind("/", 0, magic) + 1:]
    paths = [folder]
    for part in names.split(slash):
        if _MAGIC.search(part):
            paths = [f"{path}{name}{slash}" for path in paths for name in _data(path or ".")
                     if fnmatch.fnmatchcase(name, part)]
        else:
            paths = [f"{path}{part}{slash}" for path in paths if files.exists(f"{path}{part}")]
    return [path.rstrip(slash) for path in paths]


def _data(folder: str) -> list[str]:
    return [name for name in files.list_dir(folder) if not name.startswith(("_", "."))]


def _unpacked(name: str, path: str, room: str) -> list[Input]:
    """The files in a .zip, each in a folder of its own, so that what they are called can't lead elsewhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()
                       and not posixpath.basename(member.filename).startswith(("_", "."))]
            if not members:
                raise EventLogError(f"{name}: no files in it")
            found = []
            for number, member in enumerate(sorted(members, key=lambda one: one.filename)):
                folder = os.path.join(room, str(number))
                os.makedirs(folder, exist_ok=True)
                target = os.path.join(folder, posixpath.basename(member.filename))
                with archive.open(member) as packed, open(target, "wb") as plain:
                    while part := packed.read(1 << 20):
                        plain.write(part)
                found.append(Input(f"{name}/{member.filename}", target))
            return found
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise EventLogError(f"{name}: can not be unpacked ({error}); unpack it yourself") from None
