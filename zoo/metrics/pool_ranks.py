"""Where the candidates of a request stand by their scores, ties included: what metrics of a filter are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.metrics.samples import MetricError


@dataclass(frozen=True)
class PoolRanks:
    """The ranks of every candidate in its request. Of candidates with one score, each order is as likely as any other.

    Args:
        request: `[n]` number of each candidate's request, from 0.
        higher: `[n]` how many of the request's candidates are scored higher.
        same: `[n]` how many are scored the same, the candidate itself included.
        size: `[r]` how many candidates each request has.
    """

    request: np.ndarray
    higher: np.ndarray
    same: np.ndarray
    size: np.ndarray

    def chance(self, m: int) -> np.ndarray:
        """`[n]` chance of each candidate to be among the first m of its request: 0 or 1 but for ties over the border."""
        return np.clip((m - self.higher) / self.same, 0.0, 1.0)

    def discount(self, k: int) -> np.ndarray:
        """`[n]` mean of `(rank ≤ k) / log2(1 + rank)` over the ranks that a candidate may have."""
        ranks = np.arange(1, int(self.size.max(initial=0)) + 1)
        sums = np.concatenate([[0.0], np.cumsum((ranks <= k) / np.log2(1 + ranks))])
        return (sums[self.higher + self.same] - sums[self.higher]) / self.same

    def larger_than(self, m: int) -> np.ndarray:
        """`[r]` whether a request has more than m candidates; of another, a filter of m keeps all."""
        return self.size > m

    def sums(self, values: Any) -> np.ndarray:
        """`[r]` of values `[n]`."""
        return np.bincount(self.request, values, len(self.size))


@dataclass(frozen=True)
class PoolMean:
    """A mean that can be added to that of other requests.

    Args:
        total: sum of what is averaged.
        count: of requests, or of events.
    """

    total: float = 0.0
    count: float = 0.0

    @property
    def value(self) -> float:
        """The mean; NaN of nothing."""
        return self.total / self.count if self.count else float("nan")

    def __add__(self, other: PoolMean) -> PoolMean:
        return PoolMean(self.total + other.total, self.count + other.count)


def pool_ranks(requests: Any, scores: Any) -> PoolRanks:
    """The ranks of candidates by their scores, by one sort.

    Args:
        requests: `[n]` request of each candidate (any sortable type); padding is left out.
        scores: `[n]` anything monotone in the predicted probability.

    Raises:
        MetricError: a score is NaN, or the columns are not equally long.

    Example:
        >>> ranks = pool_ranks(["a", "a", "a", "b"], [.9, .5, .5, .7])
        >>> ranks.chance(2)
        array([1. , 0.5, 0.5, 1. ])
    """
    requests, scores = np.asarray(requests).ravel(), np.asarray(scores, np.float64).ravel()
    if len(requests) != len(scores):
        raise MetricError(f"requests and scores must be equally long; got {len(requests)}, {len(scores)}")
    if np.isnan(scores).any():
        raise MetricError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN; they have no ranks")
    unique, codes = np.unique(requests, return_inverse=True)
    order = np.lexsort((-scores, codes))
    sorted_codes, sorted_scores = codes[order], scores[order]
    first = np.ones(len(order), bool)
    first[1:] = (sorted_codes[1:] != sorted_codes[:-1]) | (sorted_scores[1:] != sorted_scores[:-1])
    size = np.bincount(codes, minlength=len(unique))
    starts = np.flatnonzero(first)
    block = np.cumsum(first) - 1
    request_start = np.cumsum(size) - size
    higher, same = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    higher[order] = starts[block] - request_start[sorted_codes]
    same[order] = np.diff(starts, append=len(order))[block]
    return PoolRanks(codes, higher, same, size)
