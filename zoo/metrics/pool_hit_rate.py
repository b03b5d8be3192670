"""How many of the events that happened a filter lets through."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.metrics.pool_ranks import PoolMean, PoolRanks


def pool_hit_rate(student: PoolRanks, happened: Any, m: int) -> PoolMean:
    """Share of the candidates with an event that stand in the student's top m, the mean over events.

    `Σ_i e_i · [rank_i ≤ m] / Σ_i e_i`. By what the events are, it is

    * of clicks and of purchases in the scenario (**ISPH@m**): 1 by construction for the filter that was online at the same m,
      as nothing that it cut could be clicked; so it can only blame a newcomer, and favours what resembles the old filter;
    * of purchases outside of the scenario (**ASPH@m**): fair to all filters, but counts what a user would have bought anyway,
      and of what recall never found it says nothing;
    * of what was exposed and not clicked: **lower is better**, but read it beside the rate of clicks alone: a filter that keeps
      the page whole has both at 1, one that throws everything away has both at 0.

    It is 1 where a request has no more than m candidates; such requests don't count.

    Args:
        student: of `pool_ranks`.
        happened: `[n]` 1 where it happened, 0 or NaN (not observed) where it did not.
        m: how many the student lets through.

    Example:
        >>> pool_hit_rate(pool_ranks([0, 0, 0], [.9, .5, .1]), [1, 0, 1], m=2).value
        0.5

    Source: Zhang et al., Rethinking the Role of Pre-ranking in Large-scale E-Commerce Searching System (ASMOL), KDD 2023
    (arXiv 2305.13647), section 3.
    """
    events = np.nan_to_num(np.asarray(happened, np.float64).ravel()) * student.larger_than(m)[student.request]
    return PoolMean(float((events * student.chance(m)).sum()), float(events.sum()))
