"""HR@K and NDCG@K of requests with exactly one positive, as leave-one-out protocols report them."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.metrics.samples import MetricError, weighted_samples


def positive_ranks(requests: Any, labels: Any, scores: Any, weights: Any = None) -> np.ndarray:
    """The rank of each request's positive, from 1, in the order of the sorted requests.

    `rank = 1 + #(negatives scored higher) + ½ #(negatives scored the same)`: of a tie the positive gets the average place,
    so that a model which says the same of every candidate stands in the middle and not on top.

    Args:
        requests: `[n]` request of each candidate (any sortable type).
        labels: `[n]` 0 or 1.
        scores: `[n]` anything monotone in the predicted probability.
        weights: `[n]`, 0 drops a candidate, any other value counts once; None for 1.

    Returns:
        `[r]` ranks.

    Raises:
        MetricError: a request has not exactly one positive, a score is NaN, or the columns are not equally long.

    Example:
        >>> positive_ranks(["a", "a", "a", "b", "b"], [0, 1, 0, 1, 0], [.9, .5, .5, .8, .1])
        array([2.5, 1. ])
    """
    requests = np.asarray(requests).ravel()
    if len(requests) != np.size(labels):
        raise MetricError(f"requests and labels must be equally long; got {len(requests)}, {np.size(labels)}")
    kept = np.ones(len(requests), bool) if weights is None else np.asarray(weights).ravel() > 0
    labels, scores, _ = weighted_samples(labels, scores, weights)
    unique, codes = np.unique(requests[kept], return_inverse=True)
    positive = labels > 0
    counts = np.bincount(codes, positive, len(unique))
    if (counts != 1).any():
        raise MetricError(f"{int((counts != 1).sum())} of {len(unique)} requests have not exactly one positive; HR and NDCG of "
                          "one positive are not defined for them")
    own = np.empty(len(unique))
    own[codes[positive]] = scores[positive]
    higher, same = (np.bincount(codes, ~positive & found, len(unique)) for found in (scores > own[codes], scores == own[codes]))
    return 1 + higher + same / 2


def hit_rate(ranks: Any, k: int) -> float:
    """`HR@K = mean[rank ≤ K]`; NaN of no request.

    Args:
        ranks: of `positive_ranks`.
        k: how many places count.

    Example:
        >>> hit_rate([1, 2.5, 7], 5)
        0.6666666666666666
    """
    ranks = np.asarray(ranks, np.float64)
    return float(np.mean(ranks <= k)) if ranks.size else float("nan")


def ndcg(ranks: Any, k: int) -> float:
    """`NDCG@K = mean[(rank ≤ K) / log2(1 + rank)]`: of one positive, the best DCG is 1. NaN of no request.

    Args:
        ranks: of `positive_ranks`.
        k: how many places count.

    Example:
        >>> ndcg([1, 3, 7], 5)
        0.5
    """
    ranks = np.asarray(ranks, np.float64)
    return float(np.mean((ranks <= k) / np.log2(1 + ranks))) if ranks.size else float("nan")
