"""Exact ranking metrics over labels and scores collected in one pass. NumPy only."""

from zoo.metrics.calibration import Calibration, calibration
from zoo.metrics.classification import auc, logloss
from zoo.metrics.gauc import GaucResult, gauc

__all__ = ["Calibration", "GaucResult", "auc", "calibration", "gauc", "logloss"]
