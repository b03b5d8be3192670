"""Side information shapes what is looked at, and never what is seen."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import keras, tf
from zoo.layers.nova import FieldFusion, NovaBlock, NovaConfig

RNG = np.random.default_rng(0)
IDS, SIDE = (tf.constant(RNG.normal(size=shape), tf.float32) for shape in ((2, 4, 6), (2, 4, 3, 6)))
MASK = tf.constant([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])


def test_fusions_by_hand():
    fields = tf.constant([[[[1.0, 2.0], [3.0, -1.0]]]])
    np.testing.assert_allclose(FieldFusion("add")(fields), [[[4.0, 1.0]]])
    gating = FieldFusion("gating")
    gating(fields)
    gating.set_weights([np.array([[np.log(3.0)], [0.0]])])  # gates σ(ln 3) = 3/4 and σ(3·ln 3) = 27/28
    np.testing.assert_allclose(gating(fields), [[[3 / 4 + 27 / 28 * 3, 3 / 4 * 2 - 27 / 28]]], rtol=1e-6)
    joined = FieldFusion("concat")
    joined(fields)
    joined.joined.set_weights([np.array([[1.0, 0], [0, 1], [0, 2], [1, 0]]), np.array([0.0, 10.0])])
    np.testing.assert_allclose(joined(fields), [[[0.0, 18.0]]])


def attention_of(block: NovaBlock, ids: np.ndarray, side: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """One row by the formula, event by event and head by head."""
    fused = block.fusion(tf.concat([ids[np.newaxis, :, np.newaxis], side[np.newaxis]], 2)).numpy()[0]
    query, key, value = fused @ block.query.kernel.numpy(), fused @ block.key.kernel.numpy(), ids @ block.value.kernel.numpy()
    seen, width = np.zeros_like(ids), ids.shape[1] // block.heads
    for head in range(block.heads):
        part = slice(head * width, (head + 1) * width)
        for event in range(len(ids)):
            logits = np.array([query[event, part] @ key[other, part] for other in range(len(ids))]) / np.sqrt(width)
            weights = np.exp(logits) * mask
            seen[event, part] = (weights / weights.sum()) @ value[:, part]
    return ids + seen @ block.out.kernel.numpy()


def test_attention_by_hand():
    block = NovaBlock(NovaConfig(heads=2))
    found = block(IDS, SIDE, MASK).numpy()
    hidden = block.norms[0](tf.constant([attention_of(block, *(v.numpy()[0] for v in (IDS, SIDE, MASK)))], tf.float32))
    expected = block.norms[1](hidden + block.forward[1](block.forward[0](hidden)))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)


def test_side_information_never_enters_the_values():
    """With uniform attention (queries of 0), nothing of the side information is left; with ids of 0 in the values, neither."""
    block = NovaBlock(NovaConfig())
    block(IDS, SIDE, MASK)
    block.query.set_weights([np.zeros((6, 6))])
    np.testing.assert_array_equal(block(IDS, SIDE, MASK), block(IDS, 5 * SIDE, MASK))


def test_padding_is_not_looked_at():
    block = NovaBlock(NovaConfig(fusion="concat"))
    found = block(IDS, SIDE, MASK)
    other = block(IDS + 9 * (1 - MASK)[..., tf.newaxis], SIDE - 9 * (1 - MASK)[..., tf.newaxis, tf.newaxis], MASK)
    real = MASK.numpy() > 0
    np.testing.assert_allclose(found.numpy()[real], other.numpy()[real], rtol=1e-5, atol=1e-6)


def test_heads_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="nova.heads"):
        NovaBlock(NovaConfig(heads=4))(IDS, SIDE, MASK)


def test_every_weight_learns():
    block = NovaBlock(NovaConfig())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(block(IDS, SIDE, MASK)) * tf.constant(RNG.normal(size=6), tf.float32))
    for variable, gradient in zip(block.trainable_variables, tape.gradient(loss, block.trainable_variables), strict=True):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.name
    keras.backend.clear_session()
