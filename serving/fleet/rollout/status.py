"""How a fleet is, beside how it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.errors import ServingError
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.rollout.state import State


@dataclass(frozen=True)
class ServerStatus:
    """One model on one server.

    Args:
        model: its name.
        server: its address.
        versions: by number, the state, with the error where there is one.
        labels: by label, the version that it points to there; None where it points to none that answers.
        faults: what is not as the state file wants it.
        behind: whether a version or a label is not where the state file wants it, so that bringing the server there may help.
    """

    model: str
    server: str
    versions: dict[int, str]
    labels: dict[str, int | None]
    faults: list[str]
    behind: bool


def status(state: State, servers: Sequence[FleetServer]) -> list[ServerStatus]:
    """Asks every server about every model; one that does not answer is a fault and stops nothing."""
    return [_status(state, name, server) for name in state.models for server in servers]


def _status(state: State, name: str, server: FleetServer) -> ServerStatus:
    model = state.models[name]
    try:
        known = server.states(name)
        labels = {label: server.pointed(name, label) for label in model.labels}
    except ServingError as error:
        return ServerStatus(name, server.target, {}, {}, [str(error)], behind=True)
    # What ended without an error was unloaded, and is of no interest.
    versions = {version: f"{one.state} {one.error}".strip() for version, one in sorted(known.items())
                if one.state != "END" or one.error}
    faults = [f"version {version} is {versions.get(version, 'not loaded')}" for version in model.loaded
              if versions.get(version) != "AVAILABLE"]
    faults += [f"label {label} points to {labels[label] or 'nothing'}, not to {version}"
               for label, version in model.labels.items() if labels[label] != version]
    behind = bool(faults)
    faults += [f"version {version}: {said}" for version, said in versions.items()
               if said.startswith("END") and version not in model.loaded]
    if "AVAILABLE" not in versions.values():
        faults.append("no version answers")
    return ServerStatus(name, server.target, versions, labels, faults, behind)
