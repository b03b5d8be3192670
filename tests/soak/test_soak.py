"""Half an hour under load with a new version every two seconds: no failed call, no mixed score, memory flat.

`make soak` runs it; SOAK_MINUTES shortens it.
"""

from __future__ import annotations

import os
import shutil
import threading
import time

import numpy as np

from serving.client import RankingClient
from tests.serving.models import write_version
from tests.serving.processes import ServerProcess
from tests.toy import toy_bound, toy_requests
from zoo.versions import publish

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
SWAP_SECONDS, CALLERS, KEPT, MODELS = 2.0, 2, 3, 7
# What allocators and caches may still add after the first third.
MOST_GROWTH_MIB = 64
REQUEST = toy_requests(1)[0]
PRICE = float(np.float32(REQUEST.candidates["price"][0]))


def resident_mib(process: int) -> float:
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def test_swaps_under_load_for_long(tmp_path):
    made = [write_version(tmp_path / "made", number) for number in range(1, MODELS + 1)]
    base = tmp_path / "scorer"
    # Which score a version gives.
    says: dict[int, int] = {}
    failures, mixed, answered, stop = [], [], [0] * CALLERS, threading.Event()

    def push(turn: int) -> int:
        version = publish(made[turn % MODELS], base).version
        says[version] = turn % MODELS + 1
        return version

    def call(place: int) -> None:
        with RankingClient(server.target, "scorer", toy_bound(), deadline_s=20.0, max_attempts=1) as client:
            while not stop.is_set():
                try:
                    ranking = client.rank_one(REQUEST)
                except Exception as error:  # whatever it is, it is a call that failed
                    failures.append(error)
                    continue
                seen.append((ranking.version, float(ranking.scores["click"][0])))
                answered[place] += 1

    seen: list[tuple[int, float]] = []
    pushed, turns = [push(0)], 0
    with ServerProcess("--model", f"scorer={base}") as server:
        callers = [threading.Thread(target=call, args=(place,)) for place in range(CALLERS)]
        for caller in callers:
            caller.start()
        memory: list[float] = []
        end = time.monotonic() + 60 * MINUTES
        while time.monotonic() < end and not failures:
            time.sleep(SWAP_SECONDS)
            turns += 1
            pushed.append(push(turns))
            while len(pushed) > KEPT:
                shutil.rmtree(base / str(pushed.pop(0)))
            memory.append(resident_mib(server.process.pid))
            checked = len(seen)
            mixed += [(version, score) for version, score in seen[:checked] if abs(score - says[version] - PRICE / 1000) > 1e-5]
            del seen[:checked]
        stop.set()
        for caller in callers:
            caller.join()
    third = len(memory) // 3
    growth = float(np.median(memory[-third:]) - np.median(memory[third:2 * third]))
    print(f"\n{sum(answered):,} calls, {len(memory)} swaps, {len(failures)} failed, {len(mixed)} mixed; server "
          f"{memory[0]:.0f} MiB after the first swap, {memory[third]:.0f} after a third, {memory[-1]:.0f} at the end")
    assert not failures and not mixed
    assert growth < MOST_GROWTH_MIB, f"grew by {growth:.0f} MiB between the middle third and the last"
