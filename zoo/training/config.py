"""Settings of a training run."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config
from zoo.optimizers import OptimizerConfig
from zoo.training.machines.config import MachinesConfig


class TrainingConfig(Config):
    """A training run.

    Args:
        epochs: passes over the training split at most.
        batch_size: requests a step.
        seed: of the initial weights and the order of the data.
        optimizers: by group of variables (`dense`, `embedding`, `wide`, …), where it is not to be the model's own.
        decay: factor on all learning rates after each epoch.
        select_by: metric of the first task on the validation split that chooses the epoch to keep. A regression has none of
            them, and is chosen by the root of its mean squared error.
        patience: stop after so many epochs without a better one.
        shuffle_buffer: requests held for shuffling.
        machines: on which a training is divided; None trains in one process.
        checkpoint_seconds: how often at least a checkpoint is made; seldomer where making one takes long.
    """

    epochs: int = pydantic.Field(default=3, ge=1)
    batch_size: int = pydantic.Field(default=256, ge=1)
    seed: int = 1
    optimizers: dict[str, OptimizerConfig] = {}
    decay: float = pydantic.Field(default=1.0, gt=0, le=1)
    select_by: Literal["gauc", "auc", "logloss"] = "auc"
    patience: int = pydantic.Field(default=1, ge=1)
    shuffle_buffer: int = pydantic.Field(default=20_000, ge=1)
    machines: MachinesConfig | None = None
    checkpoint_seconds: float = pydantic.Field(default=60.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _divided(self) -> TrainingConfig:
        machines = self.machines
        if machines and machines.kind == "synchronous" and self.batch_size % machines.workers:
            raise ValueError(f"a batch of {self.batch_size} requests can't be divided between {machines.workers} workers; take "
                             "a `batch_size` that they divide")
        return self
