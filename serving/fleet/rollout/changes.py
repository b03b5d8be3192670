"""What `zoo fleet promote` and `rollback` do: a checked change of the state, brought to every server."""

from __future__ import annotations

from collections.abc import Sequence

from serving.errors import ServingError
from serving.fleet.rollout.bring import bring
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.rollout.state import CANARY, STABLE, State, read_state, write_state
from zoo import files
from zoo.manifest import faults_of
from zoo.versions import has_model, versions_in


def promote(
    path: files.PathLike,
    model: str,
    servers: Sequence[FleetServer],
    label: str = STABLE,
    version: int | None = None,
    verified: bool = True,
    timeout_s: float = 300.0,
) -> tuple[State, int]:
    """Points a label to a version, everywhere.

    Args:
        path: of the state file.
        model: its name.
        servers: all of the fleet.
        label: which.
        version: by default the canary's for `stable`, and the newest in the folder for any other label.
        verified: whether the version must be what its manifest says.
        timeout_s: how long to wait for it to load.

    Returns:
        The new state, and the version.

    Raises:
        ServingError: there is no such version, it is not what was pushed, or it could not be brought to the servers; the text
            says whether labels moved.
    """
    state = read_state(path)
    known = state.model(model)
    number = version if version is not None else _by_default(state, model, label)
    folder = files.join(known.folder, str(number))
    if not has_model(folder):
        there = ", ".join(map(str, versions_in(known.folder))) or "none"
        raise ServingError(f"{model}: no version {number} in {known.folder}; there: {there}")
    faults = faults_of(folder) if verified else []
    if faults:
        raise ServingError(f"{model}: version {number} is not promoted, no label has moved: {'; '.join(faults)}")
    return _changed(path, state.with_model(model, known.pointed(label, number)), servers, timeout_s), number


def rollback(
    path: files.PathLike, model: str, servers: Sequence[FleetServer], label: str = STABLE, timeout_s: float = 300.0
) -> tuple[State, int, int]:
    """Takes a label back to where it pointed before, and with it every label that points to the same version.

    Returns:
        The new state, the version that was taken back, and the one that serves instead.

    Raises:
        ServingError: there is nothing to go back to, or it could not be brought to the servers.
    """
    state = read_state(path)
    known = state.model(model)
    changed = known.back(label)
    return (_changed(path, state.with_model(model, changed), servers, timeout_s), known.labels[label], changed.labels[label])


def _by_default(state: State, model: str, label: str) -> int:
    known = state.model(model)
    if label == STABLE and CANARY in known.labels:
        return known.labels[CANARY]
    there = versions_in(known.folder)
    if not there:
        raise ServingError(f"{model}: no version in {known.folder}; push one: zoo fleet push MODEL --to {known.folder}")
    return there[-1]


def _changed(path: files.PathLike, state: State, servers: Sequence[FleetServer], timeout_s: float) -> State:
    written = [_announced(path, state)]
    # Written when nothing stands in the way any more and before the first label moves: a server that restarts from then on
    # comes back to the new state, one that restarts before to the old one.
    models = {name: model.model_copy(update={"incoming": ()}) for name, model in state.models.items()}
    target = state.model_copy(update={"models": models, "generation": written[0].generation})
    try:
        bring(servers, target, timeout_s, lambda: written.append(write_state(target, path)))
    except BaseException:
        if len(written) == 1 and written[0] != state:
            before = {name: model.model_copy(update={"incoming": ()}) for name, model in written[0].models.items()}
            write_state(written[0].model_copy(update={"models": before}), path)
        raise
    return written[-1]


def _announced(path: files.PathLike, state: State) -> State:
    """The state file with the versions that servers will need, so that each one's sync can copy them; labels as they were."""
    before = read_state(path)
    models = {name: model.model_copy(update={"incoming": tuple(sorted({*state.models[name].loaded} - {*model.loaded}))})
              for name, model in before.models.items()}
    if not any(model.incoming for model in models.values()):
        return state
    return write_state(state.model_copy(update={"models": models}), path)
