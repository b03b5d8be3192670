"""Losses of `[R, N]` logits, averaged over the candidates that have weight."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import tf
from zoo.schema import Schema

Tensors = Mapping[str, tf.Tensor]


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """`Σ w·v / Σ w`; zero where nothing has weight."""
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), tf.reduce_sum(weights))


def task_loss(kind: str, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Loss of one task: binary cross entropy of logits for `binary`, squared error for `regression`.

    Args:
        kind: the label's kind.
        labels: `[R, N]`; of a soft label probabilities.
        logits: `[R, N]`.
        weights: `[R, N]`, 0 on padding and where the label was not observed.

    Returns:
        A scalar, the weighted mean.
    """
    if kind == "regression":
        return weighted_mean(tf.square(labels - logits), weights)
    return weighted_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), weights)


def task_losses(schema: Schema, outputs: Tensors, labels: Tensors, weights: Tensors) -> tf.Tensor:
    """The weighted sum of the tasks' losses.

    A task B that is given another, A, is learned in one of two ways:

    * over the entire space, as ESMM does: the label `y_A·y_B` by the probability `p_A·p_B`, wherever A was observed and is 0,
      whatever B says there, or both were observed;
    * where A happened: the label `y_B` by `p_B`, weighted by `y_A`.

    Args:
        schema: declares the labels, and how much each task weighs.
        outputs: logits by task, `[R, N]` each.
        labels: by task, `[R, N]`; 0 where not observed.
        weights: by task, `[R, N]`, 0 on padding and where the label was not observed.

    Returns:
        A scalar.

    Source: Ma et al., Entire Space Multi-Task Model, SIGIR 2018, section 2.3.
    """
    total = tf.constant(0.0)
    for label in schema.labels:
        name, given = label.name, label.given
        if given is None:
            loss = task_loss(label.kind, labels[name], outputs[name], weights[name])
        elif label.entire_space:
            decided = tf.cast((labels[given] == 0) | (weights[name] > 0), tf.float32)
            cross_entropy = joint_cross_entropy(labels[given] * labels[name], outputs[given], outputs[name])
            loss = weighted_mean(cross_entropy, weights[given] * decided)
        else:
            loss = task_loss(label.kind, labels[name], outputs[name], weights[name] * labels[given])
        total += label.weight * loss
    return total


def joint_cross_entropy(labels: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Cross entropy of the probability that two things happen: `-y·log p - (1-y)·log(1-p)`, `p = σ(a)·σ(b)`.

    Never by p itself, which rounds to 0 or 1: `log p = log σ(a) + log σ(b)`, and as the second can only happen with the first,
    `1-p = σ(-a) + σ(a)·σ(-b)`, two terms that are added as logarithms.

    Args:
        labels: `[...]` 0, 1, or a probability.
        a: `[...]` logits of the first.
        b: `[...]` logits of the second, given the first.
    """
    positive = tf.math.log_sigmoid(a) + tf.math.log_sigmoid(b)
    negative = tf.reduce_logsumexp(tf.stack([tf.math.log_sigmoid(-a), tf.math.log_sigmoid(a) + tf.math.log_sigmoid(-b)]), 0)
    return -labels * positive - (1 - labels) * negative
