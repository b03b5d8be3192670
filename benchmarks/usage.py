"""What a process and all that it started have used."""

from __future__ import annotations

import multiprocessing.forkserver
import os
import threading
from typing import Any

_PERIOD_S = 0.2


def wait_for_processes() -> None:
    """Ends the server that processes are forked from, and waits for it; only then do the system's counts have it and them.

    Python leaves that to the end of the process that started it.
    """
    multiprocessing.forkserver._forkserver._stop()


class Together:
    """Looks now and then, while its block runs, at how much memory this process and all below it have together.

    Pages that several share count once (`Pss`), those of libraries among them.

    Attributes:
        peak_mib: the most that was seen.
    """

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Together:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_PERIOD_S):
            self.peak_mib = max(self.peak_mib, sum(map(_share_mib, [os.getpid(), *_below(os.getpid())])))


def _below(process: int) -> list[int]:
    """All that a process started, and what those started."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children", encoding="ascii") as file:
                found += [one for child in map(int, file.read().split()) for one in (child, *_below(child))]
    except OSError:  # it has ended
        pass
    return found


def _share_mib(process: int) -> float:
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:")), 0.0)
    except OSError:
        return 0.0
