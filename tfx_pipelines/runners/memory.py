"""Peak resident memory of this process and its children, sampled while a block runs."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import psutil

_INTERVAL_SECONDS = 0.1
_MIB = 1024 * 1024


class PeakMemory:
    """A context manager that samples resident memory ten times a second.

    Example:
        >>> with PeakMemory() as memory:
        ...     work()
        >>> memory.peak_mib
    """

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._done.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while not self._done.wait(_INTERVAL_SECONDS):
            self._sample()

    def _sample(self) -> None:
        process, total = psutil.Process(), 0
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += one.memory_info().rss
        self.peak_mib = max(self.peak_mib, total / _MIB)
