"""The mechanism that all sparse optimizers share: read the touched rows, apply a rule, write them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.keras import keras, tf


class RowSparseOptimizer(keras.optimizers.Optimizer):
    """Base of optimizers that update only the rows a batch touched, so a step costs the same for any table size.

    A subclass names its slots and gives one `rule`; the base applies it to the gathered rows of an `IndexedSlices`
    gradient (after summing duplicates), or to the whole variable for a dense one.

    Args:
        learning_rate: step size, or a schedule.
        name: name of the optimizer.
    """

    # slot name -> whether it has one value a row (True) or the shape of the variable (False)
    slots: dict[str, bool] = {}

    def __init__(self, learning_rate: Any = 0.001, name: str | None = None, **kwargs: Any):
        # Fusing by XLA would read and write whole tables, and so does the base's weight decay, whose default of 0 is
        # multiplied out: only None leaves it away.
        super().__init__(name=name or type(self).__name__, jit_compile=False, weight_decay=None, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self._slots: dict[str, list[tf.Variable]] = {}

    def initial(self, slot: str) -> float:
        """Initial value of a slot; 0 unless a subclass says otherwise."""
        return 0.0

    def rule(self, gradient: tf.Tensor, value: tf.Tensor, state: Sequence[tf.Tensor],
             learning_rate: tf.Tensor) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        """The new value and the new state of some rows, from their gradient, value and state (`[rows, ...]` each)."""
        raise NotImplementedError(f"{type(self).__name__} must define rule()")

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        for slot, per_row in self.slots.items():
            variables = []
            for variable in var_list:
                shape = variable.shape[:1] + [1] * (len(variable.shape) - 1) if per_row else variable.shape
                variables.append(self.add_variable_from_reference(
                    variable, slot, shape=shape, initial_value=tf.fill(shape, tf.cast(self.initial(slot), tf.float32))))
            self._slots[slot] = variables
        self._built = True

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        index = self._index_dict[self._var_key(variable)]
        slots = [self._slots[slot][index] for slot in self.slots]
        learning_rate = tf.cast(self.learning_rate, variable.dtype)
        if not isinstance(gradient, tf.IndexedSlices):
            value, state = self.rule(gradient, variable, slots, learning_rate)
            for target, new in zip([variable, *slots], [value, *state], strict=True):
                target.assign(new)
            return
        rows = gradient.indices
        value, state = self.rule(gradient.values, tf.gather(variable, rows),
                                 [tf.gather(slot, rows) for slot in slots], learning_rate)
        for target, new in zip([variable, *slots], [value, *state], strict=True):
            target.scatter_update(tf.IndexedSlices(new, rows))

    def _deduplicate_sparse_grad(self, grads: Sequence[tf.Tensor | tf.IndexedSlices]) -> list[tf.Tensor | tf.IndexedSlices]:
        """Keras' hook, with a sum that takes half of the time on a CPU."""
        return [_distinct(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in grads]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {"learning_rate": self._serialize_hyperparameter(self._learning_rate)}
        config.pop("jit_compile", None)
        return config


def _distinct(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """The same gradient with each row once."""
    rows, index = tf.unique(gradient.indices)
    values = tf.raw_ops.SparseSegmentSumGrad(grad=gradient.values, indices=index, segment_ids=tf.range(tf.size(index)),
                                             output_dim0=tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
