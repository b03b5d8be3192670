"""Columns with several values: which of the ids `[..., V]` are real, and what all of them together are.

How many are real is the column's count; what stands behind them is padding, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zoo.keras import tf
from zoo.layers.masking import weighted_sum
from zoo.schema import Column

Tensors = Mapping[str, tf.Tensor]
# Ids `[...]` to their rows `[..., D]`.
Table = Callable[[tf.Tensor], tf.Tensor]


def summed(table: Table, column: Column, inputs: Tensors) -> tf.Tensor:
    """`[..., D]` the row of a column's id; of several values `Σ_v w_v·e_v`, w their weights or 1."""
    rows = table(inputs[column.name])
    return weighted_sum(_weights(column, inputs), rows) if column.feature.multiple else rows


def averaged(table: Table, column: Column, inputs: Tensors) -> tf.Tensor:
    """`[..., D]` the row of a column's id; of several values `Σ_v w_v·e_v / Σ_v w_v`, and zero of none."""
    total = summed(table, column, inputs)
    if not column.feature.multiple:
        return total
    return tf.math.divide_no_nan(total, tf.reduce_sum(_weights(column, inputs), -1, keepdims=True))


def real_ids(column: Column, inputs: Tensors) -> tf.Tensor:
    """`[n]` all ids of a column; of several values the real ones."""
    ids = inputs[column.name]
    return tf.boolean_mask(ids, _real(column, inputs)) if column.feature.multiple else tf.reshape(ids, [-1])


def _weights(column: Column, inputs: Tensors) -> tf.Tensor:
    """`[..., V]`, 0 on padding."""
    real = _real(column, inputs)
    return tf.where(real, inputs[column.weight], 0.0) if column.feature.weighted else tf.cast(real, tf.float32)


def _real(column: Column, inputs: Tensors) -> tf.Tensor:
    return tf.sequence_mask(inputs[column.count], tf.shape(inputs[column.name])[-1])
