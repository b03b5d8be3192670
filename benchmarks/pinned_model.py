"""A SavedModel called in a process of its own that may use one core alone, beside its matrix products on the same core."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pinned_server import cores


class PinnedModel:
    """Calls `rank` of a SavedModel in process, by the last core alone.

    Args:
        path: of the SavedModel.
        inputs: of the call.
    """

    def __init__(self, path: Path, inputs: dict[str, np.ndarray]):
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        core = max(os.sched_getaffinity(os.getppid()) | set(cores()))
        self._process = context.Process(target=_work, args=(str(path), inputs, there, core), daemon=True)

    def __enter__(self) -> PinnedModel:
        self._process.start()
        self.mflop: float = self._here.recv()
        return self

    def __exit__(self, *_: Any) -> None:
        self._here.send(("stop", 0))
        self._process.join()

    def milliseconds(self, what: str, seconds: float) -> list[float]:
        """Of each call for so many seconds: `call` the model, or its `products` alone."""
        self._here.send((what, seconds))
        return self._here.recv()


def _work(path: str, inputs: dict[str, np.ndarray], pipe: Any, core: int) -> None:
    os.sched_setaffinity(0, {core})
    from benchmarks.products import alone, flops, products_of
    from zoo.keras import tf

    found = products_of(Path(path), "rank", inputs)
    model = tf.saved_model.load(path)
    rank, tensors = model.signatures["rank"], {name: tf.constant(value) for name, value in inputs.items()}
    ways = {"call": lambda: {name: value.numpy() for name, value in rank(**tensors).items()}, "products": alone(found)}
    for way in ways.values():
        for _ in range(10):
            way()
    pipe.send(flops(found) / 1e6)
    while (asked := pipe.recv())[0] != "stop":
        took, end = [], time.perf_counter() + asked[1]
        while (started := time.perf_counter()) < end or len(took) < 5:
            ways[asked[0]]()
            took.append(1e3 * (time.perf_counter() - started))
        pipe.send(took)
