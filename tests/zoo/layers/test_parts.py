"""A batch in parts: the same numbers, no request lost, whatever their number."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.parts import PARTS, InParts


@pytest.mark.parametrize("requests", [0, 1, PARTS, 2 * PARTS + 1])
def test_parts_are_the_whole(requests):
    seen = []

    def function(values, power):
        seen.append(values[0].shape[0])
        return (values[0] + values[1]["b"]) ** power

    a, b = (tf.constant(np.random.default_rng(seed).normal(size=(requests, 3)), tf.float32) for seed in (0, 1))
    whole = InParts(function)((a, {"b": b}), training=False, power=2)
    parts = InParts(function)((a, {"b": b}), training=True, power=2)
    np.testing.assert_array_equal(whole, parts)
    assert parts.shape == (requests, 3) and seen[0] == requests and len(seen) > 1


def test_gradients_of_shared_variables_are_added():
    weight, values = tf.Variable([2.0, 3.0]), tf.constant([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(InParts(lambda rows: rows * weight)(values, training=True))
    np.testing.assert_array_equal(tape.gradient(total, weight), [7.0, 70.0])
