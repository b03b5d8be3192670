"""Rows of different lengths, padded behind their real places."""

from __future__ import annotations

from zoo.keras import tf


def last(values: tf.Tensor, lengths: tf.Tensor, most: int) -> tf.Tensor:
    """`[R, min(L, most), ...]` the last `most` real places of each row, from its start; padding stays behind them.

    Args:
        values: `[R, L, ...]`.
        lengths: `[R]` number of real places of each row, at most L.
        most: how many to keep.
    """
    width, lengths = tf.shape(values)[1], tf.cast(lengths, tf.int32)
    first = tf.maximum(lengths - most, 0)
    places = tf.expand_dims(first, 1) + tf.expand_dims(tf.range(tf.minimum(width, most)), 0)
    # Never past the end, so that a wrong length is what its own check says of it.
    return tf.gather(values, tf.minimum(places, tf.maximum(width - 1, 0)), batch_dims=1)
