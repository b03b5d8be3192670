"""GAUC: the AUC inside each group (user, request, query), averaged by impressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.metrics.samples import MetricError


@dataclass(frozen=True)
class GaucResult:
    """The value and what it was averaged over.

    Args:
        value: weighted mean of the groups' AUC; NaN where no group has both classes.
        groups: groups that count: they have at least one positive and one negative.
        skipped_groups: groups of one class, which have no AUC.
        impressions: total weight of the groups that count.
        skipped_impressions: total weight of the skipped groups.
    """

    value: float
    groups: int
    skipped_groups: int
    impressions: float
    skipped_impressions: float


def gauc(groups: Any, labels: Any, scores: Any, weights: Any = None) -> GaucResult:
    """Exact group AUC, weighted by impressions; ties count one half.

    `GAUC = Σ_g w_g · AUC_g / Σ_g w_g` over groups with both classes, `w_g` the sum of the sample weights of group g.

    Args:
        groups: `[n]` group of each impression (any sortable type).
        labels: `[n]` 0 or 1.
        scores: `[n]` anything monotone in the predicted probability.
        weights: `[n]` sample weights, 0 drops an impression; None for 1.

    Returns:
        A `GaucResult`.

    Raises:
        MetricError: a score or label that has weight is NaN, or the columns are not equally long.

    Example:
        >>> gauc(["a", "a", "b", "b"], [1, 0, 1, 0], [.9, .1, .4, .4]).value
        0.75

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 6.
    """
    per_group = group_auc(groups, labels, scores, weights)
    valid = ~np.isnan(per_group.auc)
    kept, skipped = per_group.weight[valid].sum(), per_group.weight[~valid].sum()
    value = float((per_group.auc[valid] * per_group.weight[valid]).sum() / kept) if kept > 0 else float("nan")
    return GaucResult(value, int(valid.sum()), int((~valid).sum()), float(kept), float(skipped))


@dataclass(frozen=True)
class GroupAuc:
    """AUC and weight of each group, in the order of the sorted groups; AUC is NaN for a group of one class."""

    group: np.ndarray
    auc: np.ndarray
    weight: np.ndarray


def group_auc(groups: Any, labels: Any, scores: Any, weights: Any = None) -> GroupAuc:
    """The AUC of every group, by one sort over all impressions.

    `AUC_g = Σ_pos w_i · (W_neg(score < s_i) + ½ W_neg(score = s_i)) / (W_pos · W_neg)`.

    Args: as `gauc`.

    Returns:
        A `GroupAuc` with one entry a group.

    Raises:
        MetricError: a score or label that has weight is NaN, or the columns are not equally long.
    """
    labels = np.asarray(labels, np.float64).ravel()
    scores = np.asarray(scores, np.float64).ravel()
    weights = np.ones_like(labels) if weights is None else np.asarray(weights, np.float64).ravel()
    groups = np.asarray(groups).ravel()
    if not len(groups) == len(labels) == len(scores) == len(weights):
        raise MetricError(f"groups, labels, scores and weights must be equally long; got {len(groups)}, "
                          f"{len(labels)}, {len(scores)}, {len(weights)}")
    kept = weights > 0
    labels, scores, weights = labels[kept], scores[kept], weights[kept]
    for name, values in (("scores", scores), ("labels", labels)):
        if np.isnan(values).any():
            raise MetricError(f"{int(np.isnan(values).sum())} of {len(values)} {name} are NaN; AUC is undefined")
    unique, codes = np.unique(groups[kept], return_inverse=True)
    if not len(unique):
        return GroupAuc(unique, np.zeros(0), np.zeros(0))
    order = np.lexsort((scores, codes))
    codes, scores, weights = codes[order], scores[order], weights[order]
    positive = weights * (labels[order] > 0)
    negative = weights - positive

    # A block is a run of equal scores inside one group: all its members see the same negatives below and beside them.
    starts = np.flatnonzero(np.r_[True, (codes[1:] != codes[:-1]) | (scores[1:] != scores[:-1])])
    block_positive, block_negative = np.add.reduceat(positive, starts), np.add.reduceat(negative, starts)
    block_group = codes[starts]
    below = np.cumsum(block_negative) - block_negative
    first_block = np.flatnonzero(np.r_[True, block_group[1:] != block_group[:-1]])
    below -= below[first_block][block_group]

    count = len(unique)
    wins = np.bincount(block_group, block_positive * (below + 0.5 * block_negative), count)
    positives, negatives = np.bincount(codes, positive, count), np.bincount(codes, negative, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = np.where((positives > 0) & (negatives > 0), wins / (positives * negatives), np.nan)
    return GroupAuc(unique, auc, positives + negatives)
