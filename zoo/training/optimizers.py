"""From settings to one optimizer that moves each group of a model's variables by its own rule."""

from __future__ import annotations

from zoo import optimizers
from zoo.keras import keras, tf, tfrs
from zoo.models.base import RankingModel
from zoo.training.config import OptimizerConfig, OptimizersConfig


def build_optimizer(config: OptimizerConfig) -> keras.optimizers.Optimizer:
    """The optimizer that a configuration names."""
    rate = config.learning_rate
    if config.name == "ftrl":
        return optimizers.Ftrl(rate, l1=config.l1, l2=config.l2)
    if config.name == "proximal":
        return optimizers.ProximalAdagrad(rate, l1=config.l1, l21=config.l21)
    return {
        "adam": lambda: keras.optimizers.Adam(rate, jit_compile=False),
        "sgd": lambda: keras.optimizers.SGD(rate, jit_compile=False),
        "lazy_adam": lambda: optimizers.LazyAdam(rate),
        "adagrad": lambda: optimizers.SparseAdagrad(rate),
        "rowwise_adagrad": lambda: optimizers.RowWiseAdagrad(rate),
    }[config.name]()


def optimizer_for(model: RankingModel, config: OptimizersConfig) -> tfrs.experimental.optimizers.CompositeOptimizer:
    """One optimizer over the model's variable groups (the model must have been called once)."""
    pairs = [(build_optimizer(getattr(config, group)), _constant(variables))
             for group, variables in model.variable_groups().items() if variables]
    return tfrs.experimental.optimizers.CompositeOptimizer(pairs)


def scale_learning_rates(optimizer: tfrs.experimental.optimizers.CompositeOptimizer, factor: float) -> None:
    """Multiplies the learning rate of every part."""
    for part in optimizer.optimizers:
        part.learning_rate = float(part.learning_rate) * factor


def _constant(variables: list[tf.Variable]):
    return lambda: variables
