"""Losses of `[R, N]` logits, averaged over the candidates that have weight."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import tf
from zoo.schema import Schema


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """`Σ w·v / Σ w`; zero where nothing has weight."""
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), tf.reduce_sum(weights))


def task_loss(kind: str, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Loss of one task: binary cross entropy of logits for `binary`, squared error for `regression`.

    Args:
        kind: the label's kind.
        labels: `[R, N]`.
        logits: `[R, N]`.
        weights: `[R, N]`, 0 on padding and where the label was not observed.

    Returns:
        A scalar, the weighted mean.
    """
    if kind == "regression":
        return weighted_mean(tf.square(labels - logits), weights)
    return weighted_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), weights)


def task_losses(schema: Schema, outputs: Mapping[str, tf.Tensor], labels: Mapping[str, tf.Tensor],
                weights: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The weighted sum of the tasks' losses, a scalar."""
    return tf.add_n([label.weight * task_loss(label.kind, labels[label.name], outputs[label.name], weights[label.name])
                     for label in schema.labels])
