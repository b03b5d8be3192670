"""Optimizers whose step touches only the rows of a table that stood in the batch."""

from zoo.optimizers.config import OptimizerConfig
from zoo.optimizers.row_sparse import RowSparseOptimizer
from zoo.optimizers.rules import Ftrl, LazyAdam, ProximalAdagrad, RowWiseAdagrad, SparseAdagrad

__all__ = ["Ftrl", "LazyAdam", "OptimizerConfig", "ProximalAdagrad", "RowSparseOptimizer", "RowWiseAdagrad", "SparseAdagrad"]
