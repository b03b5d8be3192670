"""Brings servers to a state in the steps that TF Serving needs: load, wait, move the labels, and only then unload."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from serving.errors import ServingError
from serving.fleet.rollout.server_config import Labels, Versions, server_config
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.rollout.state import State


def bring(
    servers: Sequence[FleetServer],
    state: State,
    timeout_s: float = 300.0,
    loaded_everywhere: Callable[[], None] = lambda: None,
) -> None:
    """Brings servers to a state; no call fails on the way.

    A label may only name a version that is loaded, and a configuration replaces the one before as a whole. So each server first
    gets the new versions beside those that it serves, with its labels as they are. When all versions are available on all
    servers, the labels move; at last what no label needs is unloaded. Where a version can't be loaded, the servers are left as
    they were.

    Args:
        servers: all that should have this state.
        state: what they should have.
        timeout_s: how long to wait for versions to load.
        loaded_everywhere: called when no label has moved yet and nothing stands in the way any more.

    Raises:
        ServingError: a server does not answer, a version can't be loaded, or did not come in time, and no label has moved; or a
            label could not be moved, and where.
    """
    before = {server.target: _as_it_is(server, state) for server in servers}
    try:
        for server in servers:
            versions, labels = before[server.target]
            server.reload(server_config(state, _beside(state, versions), labels))
        _wait(servers, state, timeout_s)
        loaded_everywhere()
    except BaseException:
        for server in servers:
            versions, labels = before[server.target]
            with suppress(ServingError):  # the first error is the one to tell
                server.reload(server_config(state, versions, labels))
        raise
    failed: list[str] = []
    for server in servers:
        versions, _ = before[server.target]
        try:
            server.reload(server_config(state, _beside(state, versions)))
            server.reload(server_config(state))
        except ServingError as error:
            failed.append(str(error))
    if failed:
        raise ServingError("labels did not move everywhere; the state file has the new ones, so `zoo fleet apply` finishes it, "
                           "and a restarted server has them:\n" + "\n".join(failed))


def _as_it_is(server: FleetServer, state: State) -> tuple[Versions, Labels]:
    """What answers now, and the labels that are known to the state or its past."""
    versions = {name: server.available(name) for name in state.models}
    labels: dict[str, dict[str, int]] = {}
    for name, model in state.models.items():
        found = {label: server.pointed(name, label) for label in {*model.labels, *model.earlier} if versions[name]}
        labels[name] = {label: version for label, version in found.items() if version is not None}
    return versions, labels


def _beside(state: State, versions: Versions) -> Versions:
    """What serves now and what should; a model without labels serves its newest version and needs no step between."""
    return {name: sorted({*versions[name], *model.loaded}) if model.loaded else [] for name, model in state.models.items()}


def _wait(servers: Sequence[FleetServer], state: State, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    # A failure of before this change stays in the status until the version was tried again.
    early = time.monotonic() + min(10.0, timeout_s)
    while True:
        missing: list[str] = []
        for server in servers:
            for name, model in state.models.items():
                known = server.states(name)
                for version in model.loaded:
                    found = known.get(version)
                    if found is None or found.state != "AVAILABLE":
                        said = f"{found.state} {found.error}".strip() if found else "not seen"
                        missing.append(f"{server.target}: {name} version {version} is {said}")
                        if found and found.error and time.monotonic() > early:
                            end = 0.0
        if not missing:
            return
        if time.monotonic() > end:
            raise ServingError("the versions are not available everywhere, and no label has moved:\n" + "\n".join(missing))
        time.sleep(0.1)
