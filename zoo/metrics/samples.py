"""Labels, predictions and weights as flat columns, checked."""

from __future__ import annotations

from typing import Any

import numpy as np


class MetricError(ValueError):
    """Labels or predictions that no metric can be made of."""


def weighted_samples(labels: Any, probabilities: Any, weights: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The samples that have weight, as three float64 columns.

    Args:
        labels: `[n]` outcomes or true probabilities.
        probabilities: `[n]` predictions.
        weights: `[n]`, 0 drops a sample; None for 1.

    Raises:
        MetricError: the columns are not equally long, or hold NaN where there is weight.
    """
    labels, probabilities = (np.asarray(values, np.float64).ravel() for values in (labels, probabilities))
    weights = np.ones_like(labels) if weights is None else np.asarray(weights, np.float64).ravel()
    if not len(labels) == len(probabilities) == len(weights):
        raise MetricError(f"labels, predictions and weights must be equally long; got {len(labels)}, "
                          f"{len(probabilities)}, {len(weights)}")
    kept = weights > 0
    labels, probabilities, weights = labels[kept], probabilities[kept], weights[kept]
    for name, values in (("labels", labels), ("predictions", probabilities)):
        if np.isnan(values).any():
            raise MetricError(f"{int(np.isnan(values).sum())} of {len(values)} {name} are NaN")
    return labels, probabilities, weights
