"""A batch in parts that are worked on side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.keras import tf
from zoo.machine import cores

MOST = 8


def parts_of_this_machine() -> int:
    """One part for each core that this process may use, at most `MOST`: more would be small ones."""
    return min(cores(), MOST)


class InParts:
    """A function of tensors `[R, …]`, called with part of the requests at a time in training.

    TensorFlow runs independent operations side by side. Where a function is a chain of small operations, as a recurrence is,
    its parts keep all cores at work; where its tensors are large, those of a part are more often found in the cache. The
    function must treat each request by itself, and its variables must have been made.

    The number of parts changes what comes out by rounding alone: a matrix product may round otherwise where it has fewer rows,
    and gradients of the function's variables are summed part by part. So a training is repeated to the last digit by machines
    with as many cores, as it is by TensorFlow's own threads; serving knows no parts.

    Args:
        function: of nested tensors, all with the requests first, to a tensor `[R, …]`; further keyword arguments are the
            same for all parts.
        parts: how many; None for `parts_of_this_machine`.

    Example:
        >>> InParts(layer.attend)(queries, keys, training=True)
    """

    def __init__(self, function: Callable[..., tf.Tensor], parts: int | None = None):
        self.function = function
        self.parts = parts or parts_of_this_machine()
        # One graph for all parts, so that it is traced once.
        self.graph = tf.function(function, autograph=False, reduce_retracing=True)

    def __call__(self, *values: Any, training: bool | None, **same: Any) -> tf.Tensor:
        if not training:
            return self.function(*values, **same)
        flat = tf.nest.flatten(values)
        requests = tf.shape(flat[0])[0]
        sizes = [(requests + part) // self.parts for part in range(self.parts)]
        parts = zip(*(tf.split(value, sizes, num=self.parts) for value in flat), strict=True)
        return tf.concat([self.graph(*tf.nest.pack_sequence_as(values, part), **same) for part in parts], 0)
