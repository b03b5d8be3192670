"""GAUC with a confidence interval, and by how much two models differ in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zoo.metrics.gauc import group_auc


class Interval(NamedTuple):
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def gauc_interval(groups: Any, labels: Any, scores: Any, weights: Any = None, against: Any = None, level: float = 0.95,
                  draws: int = 1000, seed: int = 1) -> Interval:
    """GAUC, or its difference to another model's, with an interval by bootstrap over groups.

    `GAUC* = Σ_g c_g·w_g·AUC_g / Σ_g c_g·w_g`, c_g how often group g was drawn, of as many draws as there are groups.
    Impressions of a group belong together (one user's clicks, one page), so they are drawn together; and both models are
    judged on the same draws, so what makes a draw hard for both does not widen the interval of their difference.

    Args:
        groups: `[n]` group of each impression.
        labels: `[n]` 0 or 1.
        scores: `[n]` of the model.
        weights: `[n]` sample weights; None for 1.
        against: `[n]` of the model that is subtracted; None for none.
        level: share of draws inside of the interval.
        draws: how many.
        seed: of the draws.

    Returns:
        The value on all groups, and the quantiles of the draws.

    Raises:
        MetricError: as `gauc`.

    Example:
        >>> gauc_interval(users, clicks, din, against=lr)
        Interval(value=0.021, low=0.012, high=0.03)

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    found = group_auc(groups, labels, scores, weights)
    auc = found.auc if against is None else found.auc - group_auc(groups, labels, against, weights).auc
    counts = ~np.isnan(auc)
    auc, weight = auc[counts], found.weight[counts]
    if not len(auc):
        return Interval(np.nan, np.nan, np.nan)
    drawn = np.random.default_rng(seed).multinomial(len(auc), np.full(len(auc), 1 / len(auc)), draws)
    values = drawn @ (auc * weight) / (drawn @ weight)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.average(auc, weights=weight)), float(low), float(high))
