"""What training knows of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from zoo.data.batch import Batch, Tensors
from zoo.keras import tf
from zoo.models.preparation import Span, TrainingSplit
from zoo.optimizers import OptimizerConfig
from zoo.schema import Schema


class Trainable(Protocol):
    """A model, as the training loop sees it; `zoo.models.base.RankingModel` is one."""

    schema: Schema
    optimizers: Mapping[str, OptimizerConfig]
    trainable_variables: list[tf.Variable]

    def make_variables(self) -> None:
        """Makes all variables."""
        ...

    def __call__(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        """Outputs for the inputs of a batch."""
        ...

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """What is made small, a scalar."""
        ...

    def penalties(self, batch: Batch) -> tf.Tensor:
        """What is added to it: regularisers and auxiliary losses of layers, a scalar."""
        ...

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        """Trainable variables by the group of the optimizer that moves them."""
        ...

    def prepare(self, split: TrainingSplit) -> Span:
        """Looks at the training split before the first step; which part of it to learn from."""
        ...

    def probabilities(self, inputs: Tensors) -> dict[str, tf.Tensor]:
        """Predictions at inference."""
        ...

    def get_weights(self) -> list[Any]:
        """Values of all variables."""
        ...

    def set_weights(self, weights: list[Any]) -> None:
        """Sets all variables."""
        ...
