"""Calibration: whether predicted probabilities are met by what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


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


def calibration(labels: Any, probabilities: Any, weights: Any = None, bins: int = 20) -> Calibration:
    """Compares predictions with labels (or true probabilities) in bins that hold equally many samples.

    Args:
        labels: `[n]` outcomes or true probabilities.
        probabilities: `[n]` predictions in [0, 1].
        weights: `[n]`, 0 drops a sample; None for 1.
        bins: number of bins; fewer where there are fewer samples.
    """
    labels = np.asarray(labels, np.float64).ravel()
    probabilities = np.asarray(probabilities, np.float64).ravel()
    weights = np.ones_like(labels) if weights is None else np.asarray(weights, np.float64).ravel()
    kept = np.flatnonzero(weights > 0)
    order = kept[np.argsort(probabilities[kept], kind="stable")]
    parts = [part for part in np.array_split(order, bins) if len(part)]
    predicted = [float(np.average(probabilities[part], weights=weights[part])) for part in parts]
    observed = [float(np.average(labels[part], weights=weights[part])) for part in parts]
    count = [float(weights[part].sum()) for part in parts]
    total = sum(count)
    happened = float((labels[kept] * weights[kept]).sum())
    ratio = float((probabilities[kept] * weights[kept]).sum()) / happened if happened > 0 else float("nan")
    gaps = (n * abs(o - p) for n, o, p in zip(count, observed, predicted, strict=True))
    return Calibration(ratio, sum(gaps) / total if total else float("nan"), tuple(predicted), tuple(observed),
                       tuple(count))
