"""The desired state of a fleet's models: which label points to which version, and to which it pointed before."""

from __future__ import annotations

from typing import Annotated

import yaml
from pydantic import Field, field_validator

from serving.errors import ServingError
from serving.fleet.description.fields import Name, Version
from zoo import files
from zoo.config import Config, load_yaml, nearest, parse

STABLE, CANARY = "stable", "canary"
_MOST_EARLIER = 10


class ModelState(Config):
    """One model.

    Args:
        base_path: folder of versions as the servers see it.
        source: the same folder, or the one that servers copy from, as this machine sees it; by default `base_path`.
        labels: version by label. Without labels the newest version is served.
        earlier: by label, the versions that it pointed to before, the latest first.
        incoming: versions that are about to be loaded: a server's sync copies them, too.
        keep_loaded: how many of the versions that `stable` pointed to before stay loaded: a rollback to them takes no load.
    """

    base_path: Annotated[str, Field(pattern=r"^(/|file:///).")]
    source: str | None = None
    labels: dict[Name, Version] = {}
    earlier: dict[Name, tuple[Version, ...]] = {}
    incoming: tuple[Version, ...] = ()
    keep_loaded: Annotated[int, Field(ge=0)] = 0

    @property
    def folder(self) -> str:
        """Where this machine finds the versions."""
        return self.source or files.normal(self.base_path)

    @property
    def loaded(self) -> list[int]:
        """The versions that servers should have loaded, ascending; none where the newest is served."""
        return sorted({*self.labels.values(), *self.earlier.get(STABLE, ())[: self.keep_loaded]}) if self.labels else []

    def pointed(self, label: str, version: int) -> ModelState:
        """The state after a label was moved; what it pointed to before is remembered."""
        before = self.labels.get(label)
        if before == version:
            return self
        earlier = [one for one in (before, *self.earlier.get(label, ())) if one is not None and one != version]
        return self.model_copy(update={
            "labels": self.labels | {label: version},
            "earlier": self.earlier | {label: tuple(dict.fromkeys(earlier))[:_MOST_EARLIER]},
        })

    def back(self, label: str) -> ModelState:
        """The state after a label was taken back, and with it every other label that pointed to the same version.

        `stable` goes to the version that it had before; another label goes to where `stable` points, since that is what served
        before it was tried. A version that was taken back is in no label's past any more.

        Raises:
            ServingError: there is nothing to go back to.
        """
        bad = self.labels.get(label)
        if bad is None:
            raise ServingError(f"no label {label!r}{nearest(label, self.labels)}")
        stable = self.labels.get(STABLE)
        past = next((one for one in self.earlier.get(label if stable in (None, bad) else STABLE, ()) if one != bad), None)
        good = past if stable in (None, bad) else stable
        if good is None:
            raise ServingError(f"label {label!r} has pointed to version {bad} only; there is nothing to go back to")
        return self.model_copy(update={
            "labels": {name: good if version == bad else version for name, version in self.labels.items()},
            "earlier": {name: tuple(one for one in versions if one not in (bad, good))
                        for name, versions in self.earlier.items()},
        })


class State(Config):
    """All models of a fleet; a server has just these.

    Args:
        models: by name.
        generation: counts the changes, so that two people at once do not undo each other's.
    """

    models: dict[str, ModelState]
    generation: Annotated[int, Field(ge=0)] = 0

    @field_validator("models")
    @classmethod
    def _some(cls, models: dict[str, ModelState]) -> dict[str, ModelState]:
        if not models:
            raise ValueError("name at least one model")
        return models

    def model(self, name: str) -> ModelState:
        """One model's state.

        Raises:
            ServingError: there is no such model.
        """
        if name not in self.models:
            raise ServingError(f"no model {name!r}{nearest(name, self.models)}")
        return self.models[name]

    def with_model(self, name: str, model: ModelState) -> State:
        """The state with one model's changed."""
        return self.model_copy(update={"models": self.models | {name: model}})


def read_state(path: files.PathLike) -> State:
    """Reads a state file.

    Raises:
        ConfigError: names what is wrong, where, and what to do.
    """
    return parse(State, load_yaml(path), where=str(path))


def write_state(state: State, path: files.PathLike) -> State:
    """Writes a state over the one that it was made from, and the servers' configuration beside it.

    Returns:
        The state as it was written.

    Raises:
        ServingError: somebody else changed the file meanwhile.
    """
    from serving.fleet.rollout.server_config import config_path, config_text

    there = read_state(path).generation
    if there != state.generation:
        raise ServingError(f"{path}: changed meanwhile (generation {there}, read was {state.generation}); look, and try again")
    written = state.model_copy(update={"generation": state.generation + 1})
    text = yaml.safe_dump(written.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=120)
    files.replace_text(path, text)
    files.replace_text(config_path(path), config_text(written))
    return written
