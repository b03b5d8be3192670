"""Copies the versions that a server needs from the store to its disk; each appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from serving.errors import ServingError
from serving.fleet.description import Fleet, Versions
from serving.fleet.server_files import BATCHING_OF_MODEL, CONFIG, batching_file
from zoo import files
from zoo.config import Config, load_yaml, parse
from zoo.versions import has_model


class Source(Config):
    """Where a model comes from, and what of it is kept.

    Args:
        source: folder of versions.
        versions: that are copied.
        keep: older ones that stay on the disk.
        batching: the file that is laid into each version, where the model is batched.
    """

    source: str
    versions: Versions = Versions()
    keep: Annotated[int, Field(ge=0)] = 0
    batching: str | None = None


class Sources(Config):
    """All models of a server."""

    models: dict[str, Source]


def sources_of(fleet: Fleet) -> Sources:
    """What the servers of a fleet copy."""
    return Sources(
        models={
            name: Source(
                source=model.source,
                versions=model.versions,
                keep=fleet.storage.keep,
                batching=f"{CONFIG}/{batching_file(name)}" if model.batching else None,
            )
            for name, model in fleet.models.items()
        }
    )


def read_sources(path: files.PathLike) -> Sources:
    """Reads what `sources_of` made, written as YAML."""
    return parse(Sources, load_yaml(path), where=str(path))


def sync(sources: Sources, models: files.PathLike) -> Iterator[str]:
    """Makes the local folders those of the store: new versions are copied, withdrawn and old ones removed.

    A version is copied under a name that servers pass over, written through to the disk, and renamed. Nothing is removed before
    all that should be served is there, so a store that can't be read takes nothing away.

    Args:
        sources: what to copy.
        models: folder of the models' folders.

    Yields:
        A line for each version that was copied or removed.

    Raises:
        ServingError: a model has no version in the store, or lacks one that it must have. The other models were looked at, too.
    """
    faults: list[str] = []
    for name, source in sources.models.items():
        try:
            yield from _sync_model(name, source, files.join(models, name))
        except (ServingError, OSError, files.FileError) as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise ServingError("\n".join(faults))


def versions_in(folder: files.PathLike) -> list[int]:
    """Whole versions in a folder, ascending."""
    return sorted(int(one) for one in files.list_dir(folder) if one.isdigit() and has_model(files.join(folder, one)))


def wanted(versions: Versions, there: list[int]) -> list[int]:
    """Those of the versions in a folder that a policy names."""
    return [one for one in there if one in versions.specific] if versions.specific else there[-versions.latest :]


def _sync_model(name: str, source: Source, target: str) -> Iterator[str]:
    there = versions_in(source.source)
    chosen = wanted(source.versions, there)
    missing = sorted(set(source.versions.specific) - set(there))
    if missing or not there:
        what = f"no version {', '.join(map(str, missing))}" if missing else "no version"
        raise ServingError(f"{what} in {source.source}; push one (<number>/saved_model.pb), or correct the description")
    present = versions_in(target)
    for version in chosen:
        if version not in present:
            _copy(files.join(source.source, str(version)), target, version, source.batching)
            yield f"{name}: version {version} copied from {source.source}"
    older = [one for one in present if one not in chosen and one < chosen[-1]]
    kept = older[len(older) - min(source.keep, len(older)) :]
    for version in present:
        if version not in chosen and version not in kept:
            # Renamed first: a server must not find half of it.
            gone = files.join(target, f".{version}.gone")
            files.move(files.join(target, str(version)), gone)
            files.remove(gone)
            yield f"{name}: version {version} removed"


def _copy(version_path: str, target: str, version: int, batching: str | None) -> None:
    partial = files.join(target, f".{version}.partial")
    files.make_dirs(target)
    files.remove(partial)
    with files.writing(target):
        files.copy(version_path, partial)
        if batching:
            files.copy(batching, files.join(partial, BATCHING_OF_MODEL))
        _write_through(partial)
        files.move(partial, files.join(target, str(version)))
        _write_through(target, deep=False)


def _write_through(folder: str, deep: bool = True) -> None:
    """Waits until a folder is on the disk, and so outlives the node's power."""
    for path, _, names in os.walk(folder):
        for one in [*names, ""] if deep else [""]:
            handle = os.open(os.path.join(path, one), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        if not deep:
            break
