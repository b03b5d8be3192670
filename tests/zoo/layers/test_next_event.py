"""DIEN's auxiliary loss on numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_batch, toy_bound, toy_requests
from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours
from zoo.layers.next_event import NextEventLoss
from zoo.models import registry


def behaviours(keys, ids, lengths):
    keys = np.float32(keys)
    return Behaviours(tf.constant(keys), tf.zeros((*keys.shape[:2], 0)),
                      tf.sequence_mask(lengths, keys.shape[1], dtype=tf.float32), tf.constant(ids, tf.int64))


def softplus(x):
    return np.log1p(np.exp(x))


def test_by_hand():
    events = behaviours([[[1.0], [2.0], [9.0]], [[-1.0], [5.0], [9.0]]], [[[2], [3], [0]], [[4], [5], [0]]], [2, 2])
    states = tf.constant([[[0.5], [7.0], [7.0]], [[2.0], [7.0], [7.0]]])
    # r0: h=0.5, next 2.0, negative place 3 (value -1, id 4); r1: h=2, next 5.0, negative place 0 (value 1, id 2)
    drawn = tf.constant([[3, 0], [0, 0]])
    loss = NextEventLoss(1.0)
    loss(states, events)
    expected = np.mean([softplus(-1.0) + softplus(-0.5), softplus(-10.0) + softplus(2.0)])
    np.testing.assert_allclose(loss.loss(states, events, drawn), expected, rtol=1e-5)
    # the same event as a negative has no weight: only r1 remains
    np.testing.assert_allclose(loss.loss(states, events, tf.constant([[1, 0], [0, 0]])),
                               softplus(-10.0) + softplus(2.0), rtol=1e-5)


def test_padding_is_never_drawn_nor_counted():
    events = behaviours(np.ones((4, 6, 1)), np.full((4, 6, 1), 2), [1, 0, 3, 6])
    loss = NextEventLoss(1.0)
    mask = tf.reshape(events.mask, [-1]).numpy()
    drawn = loss.draw(events.mask).numpy()
    assert drawn.shape == (4, 5) and (mask[drawn] == 1).all()
    nothing = events._replace(mask=tf.zeros((4, 6)))
    assert float(loss.loss(tf.ones((4, 6, 1)), nothing, loss.draw(nothing.mask))) == 0


@pytest.mark.parametrize("scorer", ["inner", "mlp"])
def test_is_added_in_training_only(scorer):
    schema = toy_bound()
    model = registry.build("dien", schema, {"auxiliary_scorer": scorer})
    inputs = toy_batch(schema, toy_requests(8, schema=schema))[0]
    model(inputs, training=False)
    count = len(model.trainable_variables)
    assert not model.losses
    model(inputs, training=True)
    assert len(model.losses) == 1 and float(model.losses[0]) > 0
    assert len(model.trainable_variables) == count


@pytest.mark.parametrize("evolution", ["augru", "augru_code", "agru", "gru"])
def test_every_evolution_scores_and_learns(evolution):
    keras.utils.set_random_seed(1)
    schema = toy_bound()
    model = registry.build("dien", schema, {"evolution": evolution})
    inputs = toy_batch(schema, toy_requests(8, schema=schema))[0]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(inputs)["click"])
    gradients = tape.gradient(total, model.evolution.trainable_variables)
    assert all(g is not None and np.isfinite(g).all() and np.abs(g).sum() > 0 for g in gradients)


def test_the_paper_freezes_where_attention_is_zero_and_the_code_does_not():
    """At a = 0 the paper's AUGRU leaves the state; the code's goes on like a GRU (specification, section 7)."""
    from zoo.layers.recurrence import GatedRecurrence

    layer, inputs = GatedRecurrence(2), tf.ones((1, 2, 3))
    attention, mask = tf.constant([[[1.0, 0.0]]]), tf.ones((1, 1, 2))
    paper = layer(inputs, tf.zeros_like(attention), attention).numpy()[0, 0]
    code = layer(inputs, attention, mask - attention).numpy()[0, 0]
    np.testing.assert_array_equal(paper[1], paper[0])
    assert np.abs(code[1] - code[0]).max() > 1e-3
