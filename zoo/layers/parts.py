"""A batch in parts that are worked on side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.keras import tf

# One for each core of a small machine; measured (docs/results.md): four are not faster than two.
PARTS = 2


class InParts:
    """A function of tensors `[R, …]`, called with part of the requests at a time in training.

    TensorFlow runs independent operations side by side. Where a function is a chain of small operations, as a recurrence is,
    its parts keep all cores at work; where its tensors are large, those of a part are more often found in the cache. The
    function must treat each request by itself, and its variables must have been made.

    Args:
        function: of nested tensors, all with the requests first, to a tensor `[R, …]`; further keyword arguments are the
            same for all parts.

    Example:
        >>> InParts(layer.attend)(queries, keys, training=True)
    """

    def __init__(self, function: Callable[..., tf.Tensor]):
        self.function = function
        # One graph for all parts, so that it is traced once.
        self.graph = tf.function(function, autograph=False, reduce_retracing=True)

    def __call__(self, *values: Any, training: bool | None, **same: Any) -> tf.Tensor:
        if not training:
            return self.function(*values, **same)
        flat = tf.nest.flatten(values)
        requests = tf.shape(flat[0])[0]
        sizes = [(requests + part) // PARTS for part in range(PARTS)]
        parts = zip(*(tf.split(value, sizes, num=PARTS) for value in flat), strict=True)
        return tf.concat([self.graph(*tf.nest.pack_sequence_as(values, part), **same) for part in parts], 0)
