"""USM's convolution and pooling: counts, signs, numbers by hand."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.orthogonal import MultiScalePooling, OrthogonalConvolution


@pytest.mark.parametrize("fields", [2, 3, 4, 5, 6])
def test_channels_as_the_formula_says(fields):
    layer = OrthogonalConvolution(fields, min(4, fields))
    expected = 3 * comb(fields, 2) + 4 * comb(fields, 3) + 5 * comb(fields, 4)
    assert layer.channels == expected == layer(tf.ones((2, 3, fields, 4))).shape[2]
    assert not layer.trainable_variables


def test_two_and_three_fields_by_hand():
    a, b, c = [1.0, 2], [3.0, 5], [7.0, 11]
    assert OrthogonalConvolution(2, 2)(tf.constant([a, b])).numpy().tolist() == [[4, 7], [-2, -3], [3, 10]]
    out = OrthogonalConvolution(3, 3)(tf.constant([a, b, c])).numpy()[:, 0].tolist()
    pairs = [4, -2, 8, -6, 10, -4]                        # a±b, a±c, b±c
    triples = [1 + 3 - 7, 1 - 3 + 7, -1 + 3 + 7]
    assert out == pairs + triples + [3, 7, 21, 21]        # then ab, ac, bc, abc


def test_patterns_of_two_and_four_are_orthogonal_and_of_three_are_not():
    kernel = OrthogonalConvolution(4, 4).kernel.numpy()
    for size, product in ((2, 0), (3, -1), (4, 0)):
        for group in combinations(range(4), size):
            inside = [column for column in kernel.T if set(np.flatnonzero(column)) == set(group)]
            assert all(x @ y == product for x, y in combinations(inside, 2))


def test_learnable_signs_begin_at_the_patterns():
    fixed, moving = OrthogonalConvolution(3, 3), OrthogonalConvolution(3, 3, learnable=True)
    np.testing.assert_array_equal(fixed.kernel, moving.kernel)
    assert len(moving.trainable_variables) == 1


def test_pooling_by_hand():
    layer = MultiScalePooling(5, ((2, 2), (3, 1)))
    # Windows of two by two: (1, 2), (3, 4); of three by one: three of them. ⌊3/2⌋ + 1 + ⌊2/1⌋ + 1 = 5 cells.
    pooled = layer(tf.constant([[1.0, 2, 3, 4, 5], [0, 0, 0, 0, 6]]))
    assert layer.cells == 5
    np.testing.assert_allclose(pooled, [1.5, 3.5, 2, 3, 4, 0, 0, 0, 0, 2], rtol=1e-6)
