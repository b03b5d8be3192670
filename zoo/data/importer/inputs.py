"""The files of an import: those that are named, those of a folder, and those in a .zip."""

from __future__ import annotations

import contextlib
import os
import posixpath
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


@contextlib.contextmanager
def opened(paths: Sequence[files.PathLike], room: str) -> Iterator[list[Input]]:
    """Local files with the content of some paths, for as long as the block runs.

    A folder stands for the files below it, by name; those that begin with `_` or `.`, as Spark and Hive write them beside the
    data, are left out. So does a `.zip`, which is unpacked.

    Args:
        paths: local paths or URIs of files and folders.
        room: folder to unpack into.

    Raises:
        EventLogError: there is no such file, or no file in it.
    """
    with contextlib.ExitStack() as stack:
        found: list[Input] = []
        for path in paths:
            for file in _below(path):
                local = stack.enter_context(files.local_copy(file))
                found += _unpacked(file, local, room) if local.lower().endswith(".zip") else [Input(file, local)]
        yield found


def _below(path: files.PathLike) -> list[str]:
    """The files that a path stands for."""
    if files.is_file(path):
        return [files.normal(path)]
    if not files.is_dir(path):
        raise EventLogError(f"{path}: no such file")
    names = [name for name in files.list_dir(path) if not name.startswith(("_", "."))]
    found = [file for name in names for file in _below(files.join(path, name))]
    if not found:
        raise EventLogError(f"{path}: the folder has no files")
    return found


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
                folder = os.path.join(room, f"zip-{files.name(name)}-{number}")
                os.makedirs(folder, exist_ok=True)
                target = os.path.join(folder, posixpath.basename(member.filename))
                with archive.open(member) as packed, open(target, "wb") as plain:
                    while part := packed.read(1 << 20):
                        plain.write(part)
                found.append(Input(f"{name}/{member.filename}", target))
            return found
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise EventLogError(f"{name}: can not be unpacked ({error}); unpack it yourself") from None
