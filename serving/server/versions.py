"""The versions of one model: found on disk, loaded, swapped and drained."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from serving.server.faults import Fault, fault_of, not_found
from serving.server.model_spec import ModelSpec
from serving.server.protocol import get_model_status_pb2
from serving.server.servable import Servable

log = logging.getLogger("serving.server")
NEWEST_POSSIBLE = 2 ** 63 - 1  # a version is an int64
# Path, size and time of change of each file.
Fingerprint = tuple[tuple[str, int, int], ...]
State = get_model_status_pb2.ModelVersionStatus.State


class ModelVersion:
    """One version with its state, as GetModelStatus reports it.

    Args:
        number: the version.
        path: its folder.
    """

    def __init__(self, number: int, path: Path):
        self.number, self.path = number, path
        self.state: int = State.START
        self.fault: Fault | None = None
        self.servable: Servable | None = None
        self.fingerprint: Fingerprint = ()
        self.in_flight = 0

    @property
    def loaded(self) -> Servable:
        """The SavedModel; there is one while a call holds this version."""
        assert self.servable is not None, f"version {self.number} is not loaded"
        return self.servable


class ModelVersions:
    """The versions of one model. Loading happens beside the calls; an old version goes only after a new one came.

    Args:
        spec: the model's name, folder and version policy.
    """

    def __init__(self, spec: ModelSpec):
        self.spec: ModelSpec | None = spec
        self.name = spec.name
        self._versions: dict[int, ModelVersion] = {}
        self._lock = threading.Lock()
        self._complaint = ""
        self._freed = False

    # ---- calls -----------------------------------------------------------------------------------------------------

    def acquire(self, number: int | None = None) -> ModelVersion:
        """Takes a version for one call, the newest available if no number is given; give it back with `release`.

        Raises:
            Fault: NOT_FOUND: no such version is available.
        """
        with self._lock:
            available = [v.number for v in self._versions.values() if v.state == State.AVAILABLE]
            chosen = max(available, default=None) if number is None else number
            if chosen not in available:
                asked = f"Latest({self.name})" if number is None else f"Specific({self.name}, {number})"
                raise not_found(f"Servable not found for request: {asked}{self._why(number, available)}")
            version = self._versions[chosen]
            version.in_flight += 1
            return version

    def release(self, version: ModelVersion) -> None:
        """Ends a call; the last call of a retired version frees its memory."""
        with self._lock:
            version.in_flight -= 1
            self._free_if_drained(version)

    def states(self) -> list[tuple[int, int, Fault | None]]:
        """(version, state, fault) of every version ever seen, newest first."""
        with self._lock:
            return [(v.number, v.state, v.fault) for _, v in sorted(self._versions.items(), reverse=True)]

    def is_available(self, number: int | None = None) -> bool:
        """Whether this version, or any, answers calls now."""
        with self._lock:
            return any(v.state == State.AVAILABLE and number in (None, v.number) for v in self._versions.values())

    # ---- files -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Brings what is served in line with what is on disk; not to be called from two threads at once."""
        found = self._scan()
        if found is None:
            return
        wanted = self.spec.policy.choose(found) if self.spec else set[int]()
        for number in sorted(wanted, reverse=True):
            version = self._versions.get(number)
            if version is None or version.state == State.END:
                self._load(number, found[number])
        with self._lock:
            arrived = any(self._versions[number].state == State.AVAILABLE for number in wanted)
            # Availability first: while nothing that is wanted can serve, what serves now stays.
            if arrived or not wanted:
                for version in self._versions.values():
                    if version.number not in wanted and version.state == State.AVAILABLE:
                        version.state = State.UNLOADING
                        self._free_if_drained(version)

    def take_freed(self) -> bool:
        """Whether a version was unloaded since this was last asked."""
        with self._lock:
            freed, self._freed = self._freed, False
        return freed

    def retire(self) -> None:
        """Unloads every version; calls that run now still end well."""
        self.spec = None
        self.refresh()

    def _scan(self) -> dict[int, Path] | None:
        """Version folders by number; None where the base path can't be read, which changes nothing that is served."""
        if self.spec is None:
            return {}
        try:
            found = {number: child for child in self.spec.base_path.iterdir()
                     if (number := _number(child.name)) is not None and child.is_dir()}
            complaint = "" if found else f"no version folder (a number) in {self.spec.base_path}"
        except OSError as error:
            found, complaint = None, f"can't read the base path {self.spec.base_path}: {error.strerror}"
        if complaint and complaint != self._complaint:
            log.warning("model=%s event=no-versions message=%r", self.name, complaint)
        self._complaint = complaint
        return found

    def _load(self, number: int, path: Path) -> None:
        fingerprint = _fingerprint(path)
        with self._lock:
            version = self._versions.get(number)
            if version and version.fault and version.fingerprint == fingerprint:
                return
            version = ModelVersion(number, path)
            version.state, version.fingerprint = State.LOADING, fingerprint
            self._versions[number] = version
        started = time.monotonic()
        try:
            servable = Servable(path)
        except Exception as error:  # whatever a folder holds, the server goes on
            with self._lock:
                version.state, version.fault = State.END, fault_of(error)
            log.error("model=%s version=%d event=load-failed code=%s message=%r", self.name, number,
                      version.fault.code.name, version.fault.message)
            return
        with self._lock:
            version.servable, version.state = servable, State.AVAILABLE
        log.info("model=%s version=%d event=available seconds=%.2f warmup_records=%d path=%s", self.name, number,
                 time.monotonic() - started, servable.warmup_records, path)

    def _free_if_drained(self, version: ModelVersion) -> None:
        if version.state == State.UNLOADING and version.in_flight == 0:
            version.servable, version.state, self._freed = None, State.END, True
            log.info("model=%s version=%d event=unloaded", self.name, version.number)

    def _why(self, number: int | None, available: list[int]) -> str:
        """What a person would want to know beside "not found"."""
        failed = self._versions.get(number) if number is not None else \
            max((v for v in self._versions.values() if v.fault), key=lambda v: v.number, default=None)
        if failed is not None and failed.fault:
            return f"; version {failed.number} failed to load: {failed.fault.message}"
        if number is not None and available:
            return f"; available: {', '.join(map(str, sorted(available)))}"
        return f"; {self._complaint}" if self._complaint else ""


def _number(name: str) -> int | None:
    """The version that a folder's name says; None where it is no int64 of 0 or more."""
    # No more digits are read than decide that it is too large.
    number = int(name.lstrip("0")[:20] or 0) if name.isascii() and name.isdigit() else None
    return None if number is None or number > NEWEST_POSSIBLE else number


def _fingerprint(path: Path) -> Fingerprint:
    """Changes whenever a file below `path` does, so that a copy that goes on is tried again."""
    files: list[tuple[str, int, int]] = []
    for file in sorted(path.rglob("*")):
        try:
            stat = file.stat()
        except OSError:
            continue
        files.append((str(file), stat.st_size, stat.st_mtime_ns))
    return tuple(files)
