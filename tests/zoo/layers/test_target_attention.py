"""Target attention against numbers computed by hand and against the explicit form."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, same_ids
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig


def pair(query, keys, lengths, candidate_ids=None, event_ids=None, counts=None):
    query, keys = np.float32(query), np.float32(keys)
    ids = np.zeros((*query.shape[:2], 1), np.int64) if candidate_ids is None else np.array(candidate_ids)
    past = np.zeros((*keys.shape[:2], 1), np.int64) if event_ids is None else np.array(event_ids)
    counts = [query.shape[1]] * query.shape[0] if counts is None else counts
    mask = tf.sequence_mask(counts, query.shape[1], dtype=tf.float32)
    return (EmbeddedCandidates(tf.constant(query), tf.constant(query), mask, tf.constant(ids)),
            Behaviours(tf.constant(keys), tf.zeros((*keys.shape[:2], 0)),
                       tf.sequence_mask(lengths, keys.shape[1], dtype=tf.float32), tf.constant(past)))


def test_by_hand():
    """One unit, identity activation: a = 1·q + 2·k + 3·(q·k) + 0.5."""
    layer = TargetAttention(TargetAttentionConfig(units=(1,), activation="linear", match=False))
    candidates, behaviours = pair([[[2.0], [-1.0]]], [[[1.0], [3.0], [9.0]]], [2])
    layer(candidates, behaviours)
    layer.hidden[0].set_weights([np.float32([[1], [2], [3]]), np.float32([0.5])])
    layer.logit.set_weights([np.float32([[1]]), np.float32([0])])
    # q=2: a(k=1) = 2+2+6+.5 = 10.5, a(k=3) = 2+6+18+.5 = 26.5; q=-1: -1+2-3+.5 = -1.5, -1+6-9+.5 = -3.5
    np.testing.assert_allclose(layer.weights_of(candidates, behaviours), [[[10.5, 26.5, 0], [-1.5, -3.5, 0]]], rtol=1e-6)
    np.testing.assert_allclose(layer(candidates, behaviours), [[[10.5 + 3 * 26.5], [-1.5 - 3 * 3.5]]], rtol=1e-6)


@pytest.mark.parametrize("softmax", [False, True])
def test_equals_the_form_with_the_difference(softmax):
    """The unit over [q; k; q−k; q⊙k] is the same function: its kernels of q and k absorb that of the difference."""
    rng = np.random.default_rng(0)
    layer = TargetAttention(TargetAttentionConfig(units=(6, 4), softmax=softmax, match=False))
    query, keys, lengths = rng.normal(size=(3, 2, 5)), rng.normal(size=(3, 7, 5)), [7, 3, 0]
    candidates, behaviours = pair(query, keys, lengths)
    result = layer(candidates, behaviours).numpy()
    kernel, bias = (w.numpy() for w in layer.hidden[0].weights)
    w_q, w_k, w_p = np.split(kernel, 3)
    w_minus = rng.normal(size=w_q.shape)
    four = np.concatenate([w_q - w_minus, w_k + w_minus, w_minus, w_p])
    expected = np.zeros_like(result)
    for r in range(3):
        for n in range(2):
            logits = []
            for t in range(lengths[r]):
                q, k = query[r, n], keys[r, t]
                hidden = 1 / (1 + np.exp(-(np.concatenate([q, k, q - k, q * k]) @ four + bias)))
                w2, b2 = (w.numpy() for w in layer.hidden[1].weights)
                hidden = 1 / (1 + np.exp(-(hidden @ w2 + b2)))
                logits.append(float((hidden @ layer.logit.weights[0].numpy() + layer.logit.weights[1].numpy())[0]))
            weights = np.array(logits)
            if softmax and len(weights):
                weights = np.exp(weights / np.sqrt(5)) / np.exp(weights / np.sqrt(5)).sum()
            for t in range(lengths[r]):
                expected[r, n] += weights[t] * keys[r, t]
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert (result[2] == 0).all(), "an empty history has no interest"


def test_padding_has_no_weight_and_no_gradient():
    layer = TargetAttention(TargetAttentionConfig(units=(4,)))
    candidates, behaviours = pair(np.ones((1, 2, 3)), np.ones((1, 4, 3)), [2])
    with tf.GradientTape() as tape:
        tape.watch(behaviours.keys)
        total = tf.reduce_sum(layer(candidates, behaviours))
    assert (tape.gradient(total, behaviours.keys).numpy()[0, 2:] == 0).all()
    assert (layer.weights_of(candidates, behaviours).numpy()[..., 2:] == 0).all()


def test_match_tells_equal_ids_and_never_padding_or_unknown():
    flags = same_ids(tf.constant([5, 6, 0, 1], tf.int64), tf.constant([5, 7, 0, 1], tf.int64))
    assert flags.numpy().tolist() == [1, 0, 0, 0]
    layer = TargetAttention(TargetAttentionConfig(units=(1,), activation="linear"))
    candidates, behaviours = pair([[[0.0], [0.0]]], [[[0.0], [0.0]]], [2], [[[5], [6]]], [[[6], [8]]])
    layer(candidates, behaviours)
    layer.hidden[0].set_weights([np.float32([[0], [0], [0], [2]]), np.float32([0])])
    layer.logit.set_weights([np.float32([[1]]), np.float32([0])])
    assert layer.weights_of(candidates, behaviours).numpy().tolist() == [[[0, 0], [2, 0]]]


def test_dice_inside_sees_real_pairs_only():
    keras.utils.set_random_seed(0)
    layer = TargetAttention(TargetAttentionConfig(units=(3,), activation="dice"))
    rng = np.random.default_rng(1)
    query, keys = rng.normal(size=(2, 2, 4)), rng.normal(size=(2, 3, 4))
    short = pair(query, keys, [2, 3])
    wide = pair(query, np.concatenate([keys, 100 * np.ones((2, 2, 4))], 1), [2, 3])
    np.testing.assert_allclose(layer.weights_of(*short), layer.weights_of(*wide)[..., :3], atol=1e-6)


@pytest.mark.parametrize("width", [0, 3])
@pytest.mark.parametrize("softmax", [False, True])
def test_a_batch_of_empty_histories_has_no_interest_and_leaves_dice_alone(softmax, width):
    layer = TargetAttention(TargetAttentionConfig(units=(3,), activation="dice", softmax=softmax))
    candidates, behaviours = pair(np.ones((2, 2, 4)), np.ones((2, width, 4)), [0, 0])
    with tf.GradientTape() as tape:
        interest = layer(candidates, behaviours, training=True)
        total = tf.reduce_sum(interest)
    assert interest.shape == (2, 2, 4) and not interest.numpy().any()
    for gradient in tape.gradient(total, layer.trainable_variables):
        assert gradient is None or np.isfinite(gradient).all()
    assert layer.activations[0].moving_variance.numpy().tolist() == [1, 1, 1]


def test_softmax_weights_are_a_distribution_over_the_real_events():
    layer = TargetAttention(TargetAttentionConfig(units=(4,), softmax=True))
    candidates, behaviours = pair(np.random.default_rng(0).normal(size=(3, 2, 4)),
                                  np.random.default_rng(1).normal(size=(3, 5, 4)), [5, 2, 0])
    np.testing.assert_allclose(tf.reduce_sum(layer.weights_of(candidates, behaviours), -1),
                               [[1, 1], [1, 1], [0, 0]], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("activation, lengths", [("sigmoid", (4, 1, 0, 2, 0)), ("sigmoid", (3,)), ("prelu", (4, 4, 4, 0, 0))])
def test_parts_and_ways_change_nothing(monkeypatch, activation, lengths):
    """Training in parts, by all places or by real pairs, gives the numbers and gradients of the whole."""
    rng, count = np.random.default_rng(0), len(lengths)
    layer = TargetAttention(TargetAttentionConfig(units=(4, 3), activation=activation))
    ids, past = rng.integers(0, 4, (count, 2, 1)), rng.integers(0, 4, (count, 4, 1))
    candidates, behaviours = pair(rng.normal(size=(count, 2, 5)), rng.normal(size=(count, 4, 5)), lengths, ids, past)
    layer(candidates, behaviours)

    def gradients(training):
        with tf.GradientTape() as tape:
            tape.watch([candidates.query, behaviours.keys])
            interest = layer(candidates, behaviours, training=training)
            total = tf.reduce_sum(tf.sin(interest))
        return interest, *tape.gradient(total, [candidates.query, behaviours.keys, *layer.trainable_variables])

    monkeypatch.setattr(TargetAttention, "DENSE_FROM", 0.0)
    expected = gradients(False)
    for dense_from, training in ((1.1, False), (0.0, True), (1.1, True)):
        monkeypatch.setattr(TargetAttention, "DENSE_FROM", dense_from)  # the way is chosen while a graph is made
        found = tf.function(lambda: gradients(training), autograph=False)() if training else gradients(False)  # noqa: B023
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "length"), [("sigmoid", 5), ("relu", 7), ("prelu", 5), ("dice", 5)])
def test_one_request_is_weighed_as_it_is_among_others(monkeypatch, activation, length):
    """One product for all pairs, and those with an id in common anew, give what each pair by itself does, at inference."""
    rng = np.random.default_rng(0)
    layer = TargetAttention(TargetAttentionConfig(units=(4, 3), activation=activation))
    ids, past = np.arange(6)[None, :, None] % 5, np.arange(1, length + 1)[None, :, None]
    query, keys = rng.normal(size=(1, 6, 3)), rng.normal(size=(1, length, 3))
    candidates, behaviours = pair(query, keys, [min(length, 4)], ids, past, counts=[5])
    layer(candidates, behaviours, training=True)  # Dice learns moments that are not 0 and 1
    layer.hidden[0].bias.assign(rng.normal(size=4))
    layer.logit.bias.assign([0.7])
    monkeypatch.setattr(TargetAttention, "ALIKE_UP_TO", -1.0)
    expected = layer.weights_of(candidates, behaviours)
    monkeypatch.setattr(TargetAttention, "ALIKE_UP_TO", 1.0)
    found = tf.function(layer.weights_of, autograph=False)(candidates, behaviours)
    assert 0 < same_ids(ids[0], past[0, :, 0]).numpy().sum() < 6 * length, "some pairs should be alike, and some not"
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_several_requests_of_a_known_number_are_no_one_request(training):
    """Where a graph knows how many there are, as in training with Dice, which sees the batch as a whole."""
    layer = TargetAttention(TargetAttentionConfig(units=(4, 3), activation="dice"))
    rng = np.random.default_rng(0)
    candidates, behaviours = pair(rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 5, 3)), [5, 2])
    expected = layer.weights_of(candidates, behaviours, training=training)
    found = tf.function(lambda: layer.weights_of(candidates, behaviours, training=training), autograph=False)()
    np.testing.assert_allclose(found, expected, atol=1e-6)
