"""What a ranking call gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from serving.errors import ServingError
from serving.tensors import Array
from zoo.config import nearest
from zoo.data.request import Request
from zoo.model_files import VALUE


class RankedCandidate(NamedTuple):
    """A candidate in its place: `rank` from 1, `index` in the request, `score` that it was ranked by."""

    rank: int
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]  (of tuple)
    score: float
    features: Mapping[str, Any]


@dataclass(frozen=True)
class Ranking:
    """The scores of one request's candidates.

    Args:
        request: what was asked.
        scores: by task, float32 `[N]` in the request's order.
        version: version of the model that answered.
        truncated: by sequence, how many of the oldest events were left out because the schema takes no more.
        unknown: how many candidates a model that keeps the items itself does not know; each has the score of an item of which
            nothing is known.
    """

    request: Request
    scores: Mapping[str, Array]
    version: int
    truncated: Mapping[str, int] = field(default_factory=dict[str, int])
    unknown: int = 0

    def ranked(self, task: str | None = None) -> list[RankedCandidate]:
        """The candidates, best first; equal scores keep the request's order.

        Args:
            task: rank by this task's score; may be left out where there is only one, or the final `value`, which it then is.

        Raises:
            ServingError: no such task, or several and none was named.
        """
        if task is None and (len(self.scores) == 1 or VALUE in self.scores):
            task = VALUE if VALUE in self.scores else next(iter(self.scores))
        if task is None or task not in self.scores:
            raise ServingError(f"rank by which task? {task!r} is none of the model's{nearest(str(task), self.scores)}")
        scores = self.scores[task]
        order = np.argsort(-scores, kind="stable")
        return [RankedCandidate(place, int(index), float(scores[index]),
                                {name: values[index] for name, values in self.request.candidates.items()})
                for place, index in enumerate(order, start=1)]


@dataclass(frozen=True)
class TopCandidates:
    """The best candidates of one request, best first.

    Args:
        request: what was asked.
        places: which candidates these are, int64 `[K]`, places in the request; fewer than asked for where it has fewer.
        scores: by task, float32 `[K]`; they are ordered by the final `value`, where the model has one, or by the first
            label's.
        version: version of the model that answered.
        truncated: as in `Ranking`.
        unknown: as in `Ranking`, of all candidates of the request.
    """

    request: Request
    places: Array
    scores: Mapping[str, Array]
    version: int
    truncated: Mapping[str, int] = field(default_factory=dict[str, int])
    unknown: int = 0

    def ranked(self, task: str | None = None) -> list[RankedCandidate]:
        """The candidates, best first, with the score that orders them, or another task's."""
        scores = self.scores[task or next(iter(self.scores))]
        return [RankedCandidate(rank, int(place), float(score),
                                {name: values[place] for name, values in self.request.candidates.items()})
                for rank, (place, score) in enumerate(zip(self.places, scores, strict=True), start=1)]
