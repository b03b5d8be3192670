"""The models of a server: resolves calls to versions, polls the disk, takes new configurations."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc

from serving.server.faults import Fault, fault_of, invalid, not_found, precondition
from serving.server.model_spec import ModelSpec
from serving.server.versions import ModelVersion, ModelVersions

log = logging.getLogger("serving.server")


class ModelManager:
    """Keeps the models of a server loaded.

    Args:
        specs: the models by name.
        poll_seconds: how often the version folders are looked at.
        on_change: called after each look, for the health service.
    """

    def __init__(self, specs: Mapping[str, ModelSpec], poll_seconds: float = 1.0,
                 on_change: Callable[[], None] = lambda: None):
        self._models = {name: ModelVersions(spec) for name, spec in specs.items()}
        self._labels = {name: dict(spec.labels) for name, spec in specs.items()}
        self._poll_seconds, self._on_change = poll_seconds, on_change
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="version-poll", daemon=True)

    def start(self) -> None:
        """Loads what is there, then keeps looking."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """Ends the polling."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Looks at the disk once."""
        with self._changing:
            for model in list(self._models.values()):
                model.refresh()
            # A loaded model's parts refer to each other, and Python finds that nobody needs them when it happens to look: at a
            # swap every two seconds half a MiB of each would stay, of a large model all of it.
            if any([model.take_freed() for model in list(self._models.values())]):
                gc.collect()
        self._on_change()

    @property
    def ready(self) -> bool:
        """Whether every configured model has a version that answers."""
        return all(model.is_available() for model in list(self._models.values()) if model.spec is not None)

    @contextmanager
    def version(self, spec: Any) -> Generator[ModelVersion, None, None]:
        """The version that a call's `model_spec` means, held until the call ends.

        Raises:
            Fault: INVALID_ARGUMENT: no name, or an unknown label; NOT_FOUND: an unknown model or version.
        """
        number = self._number(spec)
        model = self._models.get(spec.name)
        if model is None:
            asked = f"Latest({spec.name})" if number is None else f"Specific({spec.name}, {number})"
            served = ", ".join(sorted(name for name, known in list(self._models.items()) if known.spec))
            raise not_found(f"Servable not found for request: {asked}; this server has: {served or 'no models'}")
        version = model.acquire(number)
        try:
            yield version
        finally:
            model.release(version)

    def states(self, spec: Any) -> list[tuple[int, int, Fault | None]]:
        """(version, state, fault) of the version that `model_spec` names, or of all, newest first; a label is not looked at.

        Raises:
            Fault: INVALID_ARGUMENT: no name; NOT_FOUND: an unknown model or version.
        """
        if not spec.name:
            raise invalid("ModelSpec has no name specified")
        number = spec.version.value if spec.HasField("version") else None
        states = self._models[spec.name].states() if spec.name in self._models else []
        if number is not None:
            states = [state for state in states if state[0] == number]
            if not states:
                raise not_found(f"Could not find version {number} of model {spec.name}")
        if not states:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return states

    def reload(self, specs: Mapping[str, ModelSpec]) -> None:
        """Changes the set of models, and waits until each new model has a version that answers.

        Raises:
            Fault: FAILED_PRECONDITION: a label names a version that is not available, and nothing was changed;
                UNKNOWN: a new model has no version that can be loaded, the rest of the change stands.
        """
        with self._changing:
            for spec in specs.values():
                for label, number in spec.labels.items():
                    known = self._models.get(spec.name)
                    if known is None or not known.is_available(number):
                        raise precondition(f"Request to assign label {label} to version {number} of model {spec.name}, "
                                           "which is not currently available for inference")
            self._labels = {name: dict(spec.labels) for name, spec in specs.items()}
            new = [name for name in specs if name not in self._models or self._models[name].spec is None]
            for name, spec in specs.items():
                if name in self._models:
                    self._models[name].spec = spec
                else:
                    self._models[name] = ModelVersions(spec)
                self._models[name].refresh()
            for name, model in self._models.items():
                if name not in specs:
                    model.retire()
            log.info("event=config-reloaded models=%s", ",".join(sorted(specs)) or "none")
        self._on_change()
        for name in new:
            if not self._models[name].is_available():
                faults = [fault.message for _, _, fault in self._models[name].states() if fault]
                cause = faults[0] if faults else f"no version folder (a number) in {specs[name].base_path}"
                raise Fault(grpc.StatusCode.UNKNOWN, f"servable(s) did not become available: {name}: {cause}")

    def _number(self, spec: Any) -> int | None:
        if not spec.name:
            raise invalid("ModelSpec has no name specified")
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return spec.version.value
        if choice == "version_label" and spec.version_label:
            number = self._labels.get(spec.name, {}).get(spec.version_label)
            if number is None:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            return number
        return None

    def _poll(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self.refresh()
            except Exception as error:  # the next look may succeed, and the server must go on
                log.exception("event=poll-failed message=%r", fault_of(error).message)
