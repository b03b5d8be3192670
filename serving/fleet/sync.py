"""Copies the versions that a server needs from the store to its disk; each appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from serving.errors import ServingError
from serving.fleet.description import Fleet, Versions
from serving.fleet.rollout.server_config import config_text
from serving.fleet.rollout.state import read_state
from serving.fleet.server_files import BATCHING_OF_MODEL, CONFIG, MODEL_CONFIG, batching_file
from zoo import files
from zoo.config import Config, load_yaml, parse
from zoo.manifest import faults_of
from zoo.model_files import MANIFEST_FILE
from zoo.versions import versions_in


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
    """All models of a server.

    Args:
        models: by name.
        rollout: the state file, which says the versions in place of each source's own; None: there is none.
    """

    models: dict[str, Source]
    rollout: str | None = None


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
        },
        rollout=fleet.storage.rollout,
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
        ConfigError: the state file can't be read; nothing was done.
    """
    faults: list[str] = []
    state = read_state(sources.rollout) if sources.rollout else None
    for name, source in sources.models.items():
        try:
            if state is not None:
                model = state.model(name)
                followed = Versions(specific=tuple(sorted({*model.loaded, *model.incoming}))) if model.labels else Versions()
                source = source.model_copy(update={"versions": followed})
            yield from _sync_model(name, source, files.join(models, name))
        except (ServingError, OSError, files.FileError) as error:
            faults.append(f"{name}: {error}")
    if state is not None:
        text, path = config_text(state), files.join(models, MODEL_CONFIG)
        if not files.is_file(path) or files.read_text(path) != text:
            files.make_dirs(models)
            files.replace_text(path, text)
            yield f"{path}: as {sources.rollout} says, generation {state.generation}"
    if faults:
        raise ServingError("\n".join(faults))


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
        faults = faults_of(partial) if files.is_file(files.join(partial, MANIFEST_FILE)) else []
        if faults:
            files.remove(partial)
            raise ServingError(f"version {version} of {version_path} is not what was pushed: {faults[0]}; push it anew")
        if batching:
            files.copy(batching, files.join(partial, BATCHING_OF_MODEL))
        files.write_through(partial)
        files.move(partial, files.join(target, str(version)))
        files.write_through_name(target)
