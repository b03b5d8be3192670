"""AUC and logloss of binary labels, exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.metrics.gauc import group_auc
from zoo.metrics.samples import weighted_samples

EPSILON = 1e-7


def auc(labels: Any, scores: Any, weights: Any = None) -> float:
    """Exact area under the ROC curve; ties count one half; NaN where one class is absent.

    Args:
        labels: `[n]` 0 or 1.
        scores: `[n]` anything monotone in the predicted probability.
        weights: `[n]`, 0 drops a sample; None for 1.

    Example:
        >>> auc([1, 0, 1, 0], [.9, .1, .4, .4])
        0.875
    """
    labels = np.asarray(labels).ravel()
    result = group_auc(np.zeros(len(labels), np.int8), labels, scores, weights).auc
    return float(result[0]) if len(result) else float("nan")


def logloss(labels: Any, probabilities: Any, weights: Any = None) -> float:
    """Mean binary cross entropy `−mean[y·log p + (1−y)·log(1−p)]`, p clipped to [1e-7, 1−1e-7].

    Args:
        labels: `[n]` 0 or 1, or probabilities themselves (the true ones of a simulator).
        probabilities: `[n]` predictions.
        weights: `[n]`, 0 drops a sample; None for 1.

    Raises:
        MetricError: NaN where there is weight, or columns that are not equally long.
    """
    labels, probabilities, weights = weighted_samples(labels, probabilities, weights)
    probabilities = np.clip(probabilities, EPSILON, 1 - EPSILON)
    losses = -(labels * np.log(probabilities) + (1 - labels) * np.log1p(-probabilities))
    return float(np.average(losses, weights=weights)) if len(weights) else float("nan")
