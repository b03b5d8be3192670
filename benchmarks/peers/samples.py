"""The samples that every contestant trains on, as numpy arrays (each peer has its own environment: no other import)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CATEGORIES, HISTORY, IMPRESSIONS, BATCHES = 1_000, 50, 1024, 16


@dataclass(frozen=True)
class Shape:
    """One contest.

    Args:
        rows: of the item table, padding and unknown included.
        candidates: of a request; the impressions of a step are the same, 1,024.
        lengths: of histories: `full`, all 50 events, or `varied`, 1 to 50.
        model: of the zoo.
        history: longest history.
    """

    rows: int
    candidates: int = 1
    lengths: str = "full"
    model: str = "din"
    history: int = HISTORY

    @property
    def requests(self) -> int:
        """Requests a step."""
        return IMPRESSIONS // self.candidates


def samples(shape: Shape) -> dict[str, np.ndarray]:
    """`BATCHES` steps of requests: ids by a power law over the whole table (density falls as 1/id), labels by chance."""
    rng = np.random.default_rng(0)
    count = shape.requests * BATCHES

    def items(*size: int) -> np.ndarray:
        return (2 + (shape.rows - 3) ** rng.random(size)).astype(np.int64).clip(2, shape.rows - 1)

    columns = {"history_item": items(count, shape.history), "candidate_item": items(count, shape.candidates),
               "history_category": rng.integers(2, CATEGORIES, (count, shape.history)),
               "candidate_category": rng.integers(2, CATEGORIES, (count, shape.candidates)),
               "history_length": (np.full(count, shape.history) if shape.lengths == "full"
                                  else rng.integers(1, shape.history + 1, count)),
               "label": rng.integers(0, 2, (count, shape.candidates)).astype(np.float32)}
    past = np.arange(shape.history) < columns["history_length"][:, None]
    return columns | {name: columns[name] * past for name in ("history_item", "history_category")}
