"""NDCG of a student's order, with a teacher's scores as gains."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.metrics.pool_ranks import PoolMean, PoolRanks


def teacher_ndcg(student: PoolRanks, teacher: PoolRanks, gains: Any, k: int) -> PoolMean:
    """`mean_r DCG_k(student's order) / DCG_k(teacher's order)`, `DCG_k = Σ_{rank ≤ k} gain / log2(1 + rank)`.

    The gain is the teacher's probability itself: of two candidates that the teacher takes for equal, either order is right, as
    the share of the top k does not see.

    It is near 1 for any order where the teacher's scores hardly differ, and 1 where all are the same. Requests with no more
    than k candidates don't count, as for a filter that keeps k: the few candidates of a page say little of it. It depends on
    the scale of the gains, so that two teachers can't be compared by it.

    Args:
        student: of `pool_ranks`, by the student's scores.
        teacher: of the same candidates in the same order, by the teacher's scores.
        gains: `[n]` the teacher's probabilities, not negative.
        k: how many places count.

    Example:
        >>> student, teacher = pool_ranks([0, 0, 0], [1, 2, 0]), pool_ranks([0, 0, 0], [.5, .1, 0])
        >>> round(teacher_ndcg(student, teacher, [.5, .1, 0], k=2).value, 4)      # (.1 + .5 / log2 3) / (.5 + .1 / log2 3)
        0.7378

    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002.
    """
    gains = np.asarray(gains, np.float64).ravel()
    found, best = (ranks.sums(gains * ranks.discount(k)) for ranks in (student, teacher))
    counts = student.larger_than(k) & (best > 0)
    return PoolMean(float((found[counts] / best[counts]).sum()), float(counts.sum()))
