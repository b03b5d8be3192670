"""Heads of dual towers: what is stored and computed apart gives what the whole formula gives."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import keras, tf
from zoo.layers.matching_head import DotHead, MLPHead


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return (tf.constant(rng.normal(size=(2, 4)), tf.float32), tf.constant(rng.normal(size=(2, 3, 4)), tf.float32),
            tf.constant(rng.normal(size=(2, 3, 5)), tf.float32))


def score(head, user, items, crosses):
    return head(head.of_request(user), head.of_items(items), crosses).numpy()


def test_a_dot_product_by_hand():
    user, items = tf.constant([[1.0, 2.0]]), tf.constant([[[3.0, -1.0], [0.0, 0.5]]])
    np.testing.assert_allclose(score(DotHead(), user, items, None), [[1.0, 1.0]])


def test_a_cosine_by_hand():
    user, items = tf.constant([[3.0, 4.0]]), tf.constant([[[6.0, 8.0], [-4.0, 3.0], [-3.0, -4.0]]])
    np.testing.assert_allclose(score(DotHead(cosine=True), user, items, None), [[5.0, 0.0, -5.0]], atol=1e-6)


def test_crosses_are_added_by_their_weights(vectors):
    user, items, crosses = vectors
    head = DotHead()
    without = score(head, user, items, None)
    np.testing.assert_allclose(score(head, user, items, crosses), without, atol=1e-6)  # they begin at 0
    head.crosses.set_weights([np.arange(5.0)[:, np.newaxis]])
    np.testing.assert_allclose(score(head, user, items, crosses), without + crosses.numpy() @ np.arange(5.0), rtol=1e-5)


def test_the_network_begins_as_the_product(vectors):
    user, items, crosses = vectors
    np.testing.assert_allclose(score(MLPHead((8, 4)), user, items, crosses), score(DotHead(), user, items, None), rtol=1e-5)


@pytest.mark.parametrize("crossed", [False, True])
def test_the_split_layer_is_a_dense_layer_over_the_concatenation(vectors, crossed):
    user, items, crosses = vectors
    crosses = crosses if crossed else None
    head = MLPHead((8, 4))
    score(head, user, items, crosses)
    for layer in (head.logit, head.of_user):
        layer.set_weights([keras.initializers.RandomNormal(seed=1)(weight.shape) for weight in layer.weights])
    u = np.repeat(user.numpy()[:, np.newaxis], 3, 1)
    v = items.numpy()
    parts = [u, v, u * v, np.abs(u - v)] + ([crosses.numpy()] if crossed else [])
    layers = [head.of_user, head.of_item, head.of_product, head.of_distance] + ([head.of_crosses] if crossed else [])
    kernel = np.concatenate([layer.kernel.numpy() for layer in layers])
    hidden = np.maximum(np.concatenate(parts, -1) @ kernel + head.of_user.bias.numpy(), 0)
    hidden = np.maximum(hidden @ head.above[0].kernel.numpy() + head.above[0].bias.numpy(), 0)
    expected = (u * v).sum(-1) + (hidden @ head.logit.kernel.numpy() + head.logit.bias.numpy())[..., 0]
    np.testing.assert_allclose(score(head, user, items, crosses), expected, rtol=1e-4)
