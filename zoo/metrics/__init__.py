"""Exact ranking metrics over labels and scores collected in one pass. NumPy only."""

from zoo.metrics.calibration import Calibration, calibration
from zoo.metrics.classification import auc, logloss
from zoo.metrics.gauc import GaucResult, gauc
from zoo.metrics.one_positive import hit_rate, ndcg, positive_ranks
from zoo.metrics.samples import MetricError

__all__ = ["Calibration", "GaucResult", "MetricError", "auc", "calibration", "gauc", "hit_rate", "logloss", "ndcg",
           "positive_ranks"]
