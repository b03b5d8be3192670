"""A local model server in a process of its own that may use one core alone."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def pin_client() -> None:
    """Leaves the last core to the server, where there are two."""
    own = cores()
    if len(own) > 1:
        os.sched_setaffinity(0, own[:-1])


class PinnedServer:
    """Serves models by the last core alone; TensorFlow finds one core and starts one thread.

    Args:
        base: folder of versions, which is served as `model`; or several by name.
    """

    def __init__(self, base: Path | Mapping[str, Path]):
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        core = max(os.sched_getaffinity(os.getppid()) | set(cores()))
        models = {name: str(path) for name, path in (base if isinstance(base, Mapping) else {"model": base}).items()}
        self._process = context.Process(target=_serve, args=(models, there, core), daemon=True)

    def __enter__(self) -> PinnedServer:
        self._process.start()
        self.target: str = self._here.recv()
        return self

    def __exit__(self, *_: Any) -> None:
        self._here.send("stop")
        self._process.join()

    def processor_seconds(self) -> float:
        """What the server has taken of its core since it started."""
        return self._asked("processor")

    def call_milliseconds(self) -> list[float]:
        """What each call since the last question took, from the request's message to the answer's."""
        return self._asked("calls")

    def peak_mib(self) -> float:
        """The most memory it has had."""
        return self._asked("memory")

    def _asked(self, what: str) -> Any:
        self._here.send(what)
        return self._here.recv()


def _serve(models: dict[str, str], pipe: Any, core: int) -> None:
    os.sched_setaffinity(0, {core})
    from serving.server import LocalModelServer
    from serving.server.calls import Calls

    took: list[float] = []
    predict = Calls.predict

    def timed(self: Calls, request: Any) -> Any:
        started = time.perf_counter()
        answer = predict(self, request)
        took.append(1e3 * (time.perf_counter() - started))
        return answer

    Calls.predict = timed
    with LocalModelServer(models, rest_port=None) as server:
        pipe.send(server.target)
        while (asked := pipe.recv()) != "stop":
            used = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send({"memory": _peak_mib(), "processor": used.ru_utime + used.ru_stime, "calls": list(took)}[asked])
            if asked == "calls":
                took.clear()


def _peak_mib() -> float:
    """The most memory of this process; what the system counts for it begins with that of the process which started it."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
