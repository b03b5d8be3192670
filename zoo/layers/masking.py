"""Masks come from lengths, never from a padding value."""

from __future__ import annotations

from zoo.keras import tf


def length_mask(lengths: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """`[R, L]` float mask, 1 for the first `lengths[r]` places of row r.

    Args:
        lengths: `[R]` number of real places.
        like: any tensor `[R, L, ...]` whose second dimension gives L.
    """
    return tf.sequence_mask(lengths, tf.shape(like)[1], dtype=tf.float32)


def masked_softmax(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis among the places where `mask` is 1; all zero where there is none.

    Args:
        logits: `[..., L]`.
        mask: broadcastable to `logits`, 1 for real places.
    """
    # Masked before, so padding takes no share, and after, so an empty history gives zero and not an average of padding.
    logits = tf.where(mask > 0, logits, tf.cast(-1e9, logits.dtype))
    return tf.nn.softmax(logits, axis=-1) * mask


def weighted_sum(weights: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """`Σ_l w_l·v_l`: `[..., L]` weights and `[..., L, D]` values to `[..., D]`; zero where L is 0.

    A product of a row with a matrix, which is faster than the same `tf.einsum`, above all in the weights' gradient.
    """
    return tf.squeeze(tf.matmul(tf.expand_dims(weights, -2), values), -2)


def masked_sum(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """`[R, D]` sum of `[R, T, D]` values over the places where `[R, T]` mask is 1."""
    return weighted_sum(mask, values)


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """`[R, D]` mean over the true length; zero for an empty sequence."""
    return masked_sum(values, mask) / tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)
