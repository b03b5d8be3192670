"""Training on `[request, candidate]` examples."""

from zoo.training.config import OptimizerConfig, TrainingConfig
from zoo.training.dataset import read_dataset
from zoo.training.evaluate import Scored, score_dataset
from zoo.training.trainer import TrainingResult, train

__all__ = ["OptimizerConfig", "Scored", "TrainingConfig", "TrainingResult", "read_dataset", "score_dataset", "train"]
