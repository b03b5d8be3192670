"""Processes that take turns."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers.environments import ROOT
from benchmarks.peers.samples import Shape


class Contestant:
    """One process with its contests.

    Args:
        module: the worker's.
        python: interpreter of its environment.
        contests: by name.

    Raises:
        RuntimeError: the process ended before it was ready; with the end of what it said.
    """

    def __init__(self, module: str, python: Path, contests: dict[str, Shape]):
        self.module = module
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        shapes = json.dumps({name: dataclasses.asdict(shape) for name, shape in contests.items()})
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-m", f"benchmarks.peers.{module}", shapes], cwd=ROOT, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"})
        while self._answer() != "ready":
            pass  # what a library printed while it was imported

    def seconds(self, contest: str) -> float:
        """Seconds of one round."""
        print(contest, file=self.process.stdin, flush=True)
        return float(self._answer())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f"{self.module} ended: {self.errors.read()[-2000:]}")
        return line.strip()


def take_turns(workers: list[tuple[str, Path, dict[str, Shape]]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of every contest; one process works at a time, and a noisy moment hits all of them.

    Args:
        workers: module, interpreter, contests.
        rounds: for each contest.
    """
    running = [(Contestant(module, python, contests), contests) for module, python, contests in workers]
    times: dict[str, list[float]] = {name: [] for _, contests in running for name in contests}
    try:
        for number in range(rounds):
            for contestant, contests in running:
                for name in contests:
                    times[name].append(contestant.seconds(name))
            print(f"round {number + 1}/{rounds}", file=sys.stderr, flush=True)
    finally:
        for contestant, _ in running:
            contestant.close()
    return times


def ratio(times: dict[str, list[float]], ours: str, theirs: str) -> float:
    """How many times as fast `ours` is: the median over rounds of what the same round took both."""
    return float(np.median(np.divide(times[theirs], times[ours])))
