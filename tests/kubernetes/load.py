"""The load on the fleet: a process of callers, its rate, and what became of its calls."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

METRICS_PORT = 9100


class Load:
    """Callers that are running.

    Args:
        calls: file of the calls that have ended, a line each.
    """

    def __init__(self, calls: Path):
        self._calls = calls

    def at(self, rate: float) -> None:
        """Sets the mean of calls a second."""
        partial = self._calls.with_suffix(".partial")
        partial.write_text(str(rate))
        partial.rename(self._calls.with_suffix(".rate"))

    def calls(self, since: float = 0.0, until: float = float("inf")) -> list[dict[str, Any]]:
        """Calls that have ended, by when they were due."""
        lines = self._calls.read_text(encoding="utf-8").splitlines()
        return [call for call in map(json.loads, lines) if since <= call["due"] < until]

    def seen(self, since: float, until: float) -> dict[str, Any]:
        """Figures of a while: calls, failed ones, latency from when they were due, versions that answered."""
        calls = self.calls(since, until)
        took = [call["ms"] for call in calls if "error" not in call]
        versions = sorted({call["version"] for call in calls if "error" not in call})
        return {"seconds": round(until - since, 1), "calls": len(calls), "failed": len(calls) - len(took),
                "p50_ms": _quantile(took, 50), "p99_ms": _quantile(took, 99), "versions": versions}


@contextlib.contextmanager
def running(target: str, models: Path, calls: Path, rate: float) -> Iterator[Load]:
    """Callers for as long as the block runs."""
    load = Load(calls)
    load.at(rate)
    calls.touch()
    log = open(calls.with_suffix(".log"), "wb")
    process = subprocess.Popen([sys.executable, "-m", "tests.kubernetes.callers", target, models, calls, str(METRICS_PORT)],
                               stdout=log, stderr=log)
    try:
        end = time.monotonic() + 120
        while not any("version" in call for call in load.calls()):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the callers did not begin:\n{calls.with_suffix('.log').read_text()[-4000:]}")
            time.sleep(0.5)
        yield load
        if process.poll() is not None:
            raise RuntimeError(f"the callers ended:\n{calls.with_suffix('.log').read_text()[-4000:]}")
    finally:
        process.terminate()
        process.wait()
        log.close()


def _quantile(values: list[float], q: float) -> float | None:
    return round(float(np.percentile(values, q)), 1) if values else None
