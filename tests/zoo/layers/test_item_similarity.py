"""FISM and NAIS, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.item_similarity import ItemSimilarity, smoothed_softmax


def test_smoothed_softmax_by_hand():
    logits, mask = tf.constant([[0.0, np.log(3), 5]]), tf.constant([[1.0, 1, 0]])
    # Σ exp = 4; β = 0.5 divides by 2, β = 1 by 4, β = 0 by 1.
    for beta, expected in ((0.5, [0.5, 1.5, 0]), (1.0, [0.25, 0.75, 0]), (0.0, [1, 3, 0])):
        np.testing.assert_allclose(smoothed_softmax(logits, mask, beta), [expected], rtol=1e-5)


def test_smoothed_softmax_of_large_logits_and_of_nothing():
    big = smoothed_softmax(tf.constant([[150.0, 150.0]]), tf.ones((1, 2)), 0.9)     # exp(150) is above float32
    np.testing.assert_allclose(big, np.full((1, 2), np.exp(150 - 0.9 * (150 + np.log(2)))), rtol=1e-4)
    assert smoothed_softmax(tf.constant([[3.0, 4]]), tf.zeros((1, 2)), 0.5).numpy().tolist() == [[0, 0]]
    logits = tf.constant([[-400.0, 80.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total = tf.reduce_sum(smoothed_softmax(logits, tf.constant([[1.0, 0]]), 0.5))
    assert np.isfinite(tape.gradient(total, logits)).all()


def layer_of(attention: str, **changes) -> ItemSimilarity:
    settings = {"hidden": 1, "beta": 1.0, "alpha": 0.5, "regularization": 0.0} | changes
    layer = ItemSimilarity(6, 2, attention, **settings)
    layer.history.table.assign([[9.0, 9], [9, 9], [1, 0], [0, 1], [1, 1], [2, 2]])
    layer.target.table.assign([[9.0, 9], [9, 9], [1, 2], [3, 4], [5, 6], [7, 8]])
    layer.bias.table.assign([[0.0], [0], [0.1], [0.2], [0.3], [0.4]])
    return layer


def test_fism_by_hand_without_the_candidate_itself():
    past, mask = tf.constant([[2, 3, 4, 5]], tf.int64), tf.constant([[1.0, 1, 1, 0]])
    logits = layer_of("none")(past, mask, tf.constant([[4, 5]], tf.int64))
    # 4 meets 2 and 3: (5 + 6)/√2; 5 meets 2, 3 and 4: (7 + 8 + 15)/√3. The second 5 is padding.
    np.testing.assert_allclose(logits, [[11 / np.sqrt(2) + 0.3, 30 / np.sqrt(3) + 0.4]], rtol=1e-5)


@pytest.mark.parametrize("attention", ["prod", "concat"])
def test_nais_by_hand(attention):
    layer = layer_of(attention)
    past, mask, items = tf.constant([[2, 3]], tf.int64), tf.ones((1, 2)), tf.constant([[5]], tf.int64)
    layer(past, mask, items)
    layer.of_pair.set_weights([np.array([[0.1], [0.2]]), np.array([0.5])])
    layer.logit.set_weights([np.array([[2.0]])])
    if attention == "prod":     # p⊙q = (7, 0) and (0, 8): f = 2(0.7 + 0.5), 2(1.6 + 0.5)
        f = np.array([2.4, 4.2])
    else:                       # q gives 0.7 + 1.6 + 0.5; p adds (0.3, 0.4)
        layer.of_history.set_weights([np.array([[0.3], [0.4]])])
        f = 2 * (2.8 + np.array([0.3, 0.4]))
    a = np.exp(f) / np.exp(f).sum()
    np.testing.assert_allclose(layer(past, mask, items), [[a @ [7, 8] + 0.4]], rtol=1e-5)


def test_an_empty_history_leaves_the_bias():
    layer = layer_of("prod")
    assert layer(tf.zeros((1, 0), tf.int64), tf.zeros((1, 0)), tf.constant([[3]], tf.int64)).numpy() == pytest.approx(0.2)


def test_regularisation_is_half_the_squares_of_real_rows():
    layer = layer_of("none", regularization=0.5)
    layer(tf.constant([[2, 5]], tf.int64), tf.constant([[1.0, 0]]), tf.constant([[2]], tf.int64), training=True)
    # p of 2 is (1, 0), q of 2 is (1, 2): half of 1 and half of 5, times 0.5.
    np.testing.assert_allclose(tf.add_n(layer.losses), 0.5 * (0.5 + 2.5))
