"""Training on `[request, candidate]` examples."""

from zoo.optimizers import OptimizerConfig
from zoo.training.config import TrainingConfig
from zoo.training.dataset import read_dataset
from zoo.training.evaluate import Scored, score_dataset
from zoo.training.loop import STEPS_PER_CALL, TrainingLoop
from zoo.training.optimizers import GroupedOptimizer
from zoo.training.trainer import TrainingResult, train
from zoo.training.warm_start import WarmStart

__all__ = ["STEPS_PER_CALL", "GroupedOptimizer", "OptimizerConfig", "Scored", "TrainingConfig", "TrainingLoop",
           "TrainingResult", "WarmStart", "read_dataset", "score_dataset", "train"]
