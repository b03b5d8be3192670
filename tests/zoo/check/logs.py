"""Small request logs made by hand: pure noise, in which there is nothing to find."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.request import Request
from zoo.data.request_log import RequestLog, RequestLogWriter
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Schema

DAY = 86_400
START = 19_675 * DAY  # 2023-11-14
# Requests of each split, and the day on which they begin.
SPLITS = {"train": (300, 0), "validation": (120, 3), "test": (120, 4)}
SCHEMA = Schema(
    name="noise",
    spaces={"item": IdSpace(), "user": IdSpace(kind="hashed", buckets=50)},
    request=(Feature(name="user_id", space="user", role="user"),),
    sequences=(BehaviourSequence(name="history", max_length=4, fields=(
        Feature(name="item", space="item", role="item"), Feature(name="gap", kind="number", role="time_gap"))),),
    candidates=(Feature(name="item", space="item", role="item"), Feature(name="score", kind="number")),
    labels=(Label(name="click"),), group_key="user_id")
Change = Callable[[str, int, Request], Request]


def noise(items: int = 100, page: int = 5, rate: float = 0.4, seed: int = 3) -> dict[str, list[Request]]:
    """Requests by split, of which no feature says anything about the label."""
    rng, found = np.random.default_rng(seed), {}
    for split, (count, day) in SPLITS.items():
        days = 3 if split == "train" else 1
        times = START + day * DAY + np.sort(rng.choice(days * DAY, count, replace=False))
        found[split] = [_request(rng, f"{split}{number}", int(time), items, page, rate) for number, time in enumerate(times)]
    return found


def _request(rng: np.random.Generator, name: str, time: int, items: int, page: int, rate: float) -> Request:
    events = int(rng.integers(0, 5))
    return Request(
        request_id=name, time=time, features={"user_id": f"u{rng.integers(40)}"},
        sequences={"history": {"item": [f"i{item}" for item in rng.integers(0, items, events)],
                               "gap": rng.exponential(100, events).tolist()}},
        candidates={"item": [f"i{item}" for item in rng.choice(items, page, replace=False)],
                    "score": rng.normal(size=page).tolist()},
        labels={"click": (rng.random(page) < rate).astype(float).tolist()})


def write(folder: Path, requests: dict[str, Iterable[Request]], schema: Schema = SCHEMA, **notes: Any) -> RequestLog:
    """The log of some requests."""
    with RequestLogWriter(folder / "log", schema, source={"kind": "test"}) as log:
        for split, several in requests.items():
            for request in several:
                log.write(split, request)
        log.notes = notes
    return RequestLog(folder / "log")


def changed(requests: dict[str, list[Request]], change: Change) -> dict[str, list[Request]]:
    """Other requests in their places: `change(split, number, request)`."""
    return {split: [change(split, number, request) for number, request in enumerate(several)]
            for split, several in requests.items()}


def with_candidates(request: Request, **columns: list[Any]) -> Request:
    """The request with other columns of its candidates."""
    return dataclasses.replace(request, candidates={**request.candidates, **columns})


def with_history(request: Request, **columns: list[Any]) -> Request:
    """The request with other columns of its history."""
    return dataclasses.replace(request, sequences={"history": {**request.sequences["history"], **columns}})
