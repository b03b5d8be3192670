"""Calibration: whether predicted probabilities are met by what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.metrics.samples import weighted_samples

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How far predictions are from outcomes.

    Args:
        ratio: sum of predictions over sum of labels; 1 is calibrated, above 1 predicts too much.
        ece: expected calibration error, `Σ_b n_b/n · |mean label_b − mean prediction_b|` over equally filled bins.
        predicted: mean prediction of each bin, rising.
        observed: mean label of each bin.
        count: samples (weight) of each bin.
    """

    ratio: float
    ece: float
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    count: tuple[float, ...]


def calibration(labels: Any, probabilities: Any, weights: Any = None, bins: int = BINS) -> Calibration:
    """Compares predictions with labels (or true probabilities) in bins that hold equally many samples.

    Args:
        labels: `[n]` outcomes or true probabilities.
        probabilities: `[n]` predictions in [0, 1].
        weights: `[n]`, 0 drops a sample; None for 1.
        bins: number of bins; fewer where there are fewer samples or equal predictions, which share a bin.

    Raises:
        MetricError: NaN where there is weight, or columns that are not equally long.
    """
    labels, probabilities, weights = weighted_samples(labels, probabilities, weights)
    if not len(labels):
        return Calibration(float("nan"), float("nan"), (), (), ())
    order = np.argsort(probabilities, kind="stable")
    labels, probabilities, weights = labels[order], probabilities[order], weights[order]
    # Equal predictions share a bin: divided between two, they would be sorted there by the order of the log.
    first = np.searchsorted(probabilities, probabilities, side="left")
    _, codes = np.unique(first * bins // len(first), return_inverse=True)
    count = np.bincount(codes, weights)
    predicted, observed = (np.bincount(codes, values * weights) / count for values in (probabilities, labels))
    happened = float((labels * weights).sum())
    ratio = float((probabilities * weights).sum()) / happened if happened > 0 else float("nan")
    return Calibration(ratio, float(np.average(np.abs(observed - predicted), weights=count)), tuple(predicted.tolist()),
                       tuple(observed.tolist()), tuple(count.tolist()))
