"""Settings of a training run, and the optimizers they name."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config


class OptimizerConfig(Config):
    """One optimizer.

    Args:
        name: `adam` and `sgd` for dense variables; `lazy_adam`, `adagrad`, `rowwise_adagrad`, `ftrl` and `proximal`
            touch only the rows of a table that stood in the batch.
        learning_rate: step size.
        l1: `ftrl` and `proximal`: strength of L1.
        l2: `ftrl`: strength of L2.
        l21: `proximal`: strength of L2,1, which drops whole rows.
    """

    name: Literal["adam", "sgd", "lazy_adam", "adagrad", "rowwise_adagrad", "ftrl", "proximal"]
    learning_rate: float = pydantic.Field(gt=0)
    l1: float = pydantic.Field(0.0, ge=0)
    l2: float = pydantic.Field(0.0, ge=0)
    l21: float = pydantic.Field(0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> OptimizerConfig:
        takes = {"ftrl": {"l1", "l2"}, "proximal": {"l1", "l21"}}.get(self.name, set())
        for name in ("l1", "l2", "l21"):
            if getattr(self, name) and name not in takes:
                raise ValueError(f"the optimizer {self.name} has no {name}")
        return self


class OptimizersConfig(Config):
    """Which optimizer moves which variables.

    Args:
        dense: weights of layers.
        embedding: embedding tables.
        wide: linear weights and crosses, where a model has them.
        proximal: all weights of MLR.
    """

    dense: OptimizerConfig = OptimizerConfig(name="adam", learning_rate=1e-3)
    embedding: OptimizerConfig = OptimizerConfig(name="lazy_adam", learning_rate=1e-3)
    wide: OptimizerConfig = OptimizerConfig(name="ftrl", learning_rate=0.05)
    proximal: OptimizerConfig = OptimizerConfig(name="proximal", learning_rate=0.05, l1=1e-6, l21=1e-6)


class TrainingConfig(Config):
    """A training run.

    Args:
        epochs: passes over the training split at most.
        batch_size: requests a step.
        seed: of the initial weights and the order of the data.
        optimizers: which optimizer moves which variables.
        decay: factor on all learning rates after each epoch.
        select_by: metric on the validation split that chooses the epoch to keep.
        patience: stop after so many epochs without a better one.
        shuffle_buffer: requests held for shuffling.
    """

    epochs: int = pydantic.Field(3, ge=1)
    batch_size: int = pydantic.Field(256, ge=1)
    seed: int = 1
    optimizers: OptimizersConfig = OptimizersConfig()
    decay: float = pydantic.Field(1.0, gt=0, le=1)
    select_by: Literal["gauc", "auc", "logloss"] = "auc"
    patience: int = pydantic.Field(1, ge=1)
    shuffle_buffer: int = pydantic.Field(20_000, ge=1)
