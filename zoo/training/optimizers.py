"""One optimizer for each group of a model's variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.config import ConfigError, nearest
from zoo.keras import tf
from zoo.optimizers import OptimizerConfig
from zoo.training.protocol import Trainable


class GroupedOptimizer(tf.Module):
    """Moves each group of variables by its own rule.

    Args:
        model: whose variables; it must have been built.
        settings: optimizers by group that replace the model's own.

    Raises:
        ConfigError: a group that the model does not have, or one that nobody gives an optimizer.

    Example:
        >>> optimizer = GroupedOptimizer(model, {"dense": OptimizerConfig(name="adam", learning_rate=0.002)})
        >>> optimizer.apply(tape.gradient(loss, optimizer.variables_moved))
    """

    def __init__(self, model: Trainable, settings: Mapping[str, OptimizerConfig] | None = None):
        super().__init__()
        chosen = dict(model.optimizers) | dict(settings or {})
        for group in settings or {}:
            if group not in model.optimizers:
                raise ConfigError(f"training.optimizers.{group}: {type(model).__name__} has no such group of variables"
                                  f"{nearest(group, model.optimizers)}")
        groups = model.variable_groups()
        for group in groups:
            if group not in chosen:
                raise ConfigError(f"{type(model).__name__} has variables of the group {group!r} and names no optimizer for it; "
                                  "add it to the class's `optimizers`")
        self.groups = groups
        self.optimizers = {group: chosen[group].build() for group in groups}
        for group, optimizer in self.optimizers.items():
            optimizer.build(groups[group])

    @property
    def variables_moved(self) -> list[tf.Variable]:
        """The variables in the order of `apply`."""
        return [variable for group in self.groups.values() for variable in group]

    @property
    def iterations(self) -> int:
        """Steps taken."""
        return max(int(optimizer.iterations) for optimizer in self.optimizers.values())

    def apply(self, gradients: Sequence[Any]) -> None:
        """Takes a step, from the gradients of `variables_moved`; None where the loss does not depend on a variable."""
        start = 0
        for group, variables in self.groups.items():
            pairs = [(gradient, variable) for gradient, variable in
                     zip(gradients[start:start + len(variables)], variables, strict=True) if gradient is not None]
            start += len(variables)
            if pairs:
                self.optimizers[group].apply_gradients(pairs)

    def scale_learning_rates(self, factor: float) -> None:
        """Multiplies the learning rate of every group."""
        for optimizer in self.optimizers.values():
            optimizer.learning_rate = float(optimizer.learning_rate.numpy()) * factor
