"""Exact ranking metrics over labels and scores collected in one pass. NumPy only."""

from zoo.metrics.calibration import Calibration, calibration
from zoo.metrics.classification import auc, logloss
from zoo.metrics.gauc import GaucResult, gauc
from zoo.metrics.gauc_interval import Interval, gauc_interval
from zoo.metrics.one_positive import hit_rate, ndcg, positive_ranks
from zoo.metrics.pool_hit_rate import pool_hit_rate
from zoo.metrics.pool_ranks import PoolMean, PoolRanks, pool_ranks
from zoo.metrics.samples import MetricError
from zoo.metrics.stage_quality import StageQuality, expected_auc, stage_quality
from zoo.metrics.teacher_ndcg import teacher_ndcg
from zoo.metrics.teacher_share import teacher_share

__all__ = ["Calibration", "GaucResult", "Interval", "MetricError", "PoolMean", "PoolRanks", "StageQuality", "auc",
           "calibration", "expected_auc", "gauc", "gauc_interval", "hit_rate", "logloss", "ndcg", "pool_hit_rate",
           "pool_ranks", "positive_ranks", "stage_quality", "teacher_ndcg", "teacher_share"]
