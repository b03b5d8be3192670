"""A batch in parts: the same numbers, no request lost, whatever their number."""

from __future__ import annotations

import os

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers import parts
from zoo.layers.parts import MOST, InParts, parts_of_this_machine


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("requests", [0, 1, 2, 11])
def test_parts_are_the_whole(requests, count):
    seen = []

    def function(values, factor):
        seen.append(values[0].shape[0])
        return (values[0] + values[1]["b"]) * factor

    a, b = (tf.constant(np.random.default_rng(seed).normal(size=(requests, 3)), tf.float32) for seed in (0, 1))
    whole = InParts(function, count)((a, {"b": b}), training=False, factor=3.0)
    in_parts = InParts(function, count)((a, {"b": b}), training=True, factor=3.0)
    np.testing.assert_array_equal(whole, in_parts)
    assert in_parts.shape == (requests, 3) and seen[0] == requests and len(seen) > 1


def test_gradients_of_shared_variables_are_added():
    weight, values = tf.Variable([2.0, 3.0]), tf.constant([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(InParts(lambda rows: rows * weight, 2)(values, training=True))
    np.testing.assert_array_equal(tape.gradient(total, weight), [7.0, 70.0])


def test_as_many_as_cores_that_the_process_may_use(monkeypatch):
    assert 1 <= parts_of_this_machine() <= min(MOST, os.cpu_count())
    for cores, expected in ((1, 1), (3, 3), (MOST + 5, MOST)):
        monkeypatch.setattr(parts, "cores", lambda cores=cores: cores)
        assert parts_of_this_machine() == expected == InParts(tf.identity).parts
