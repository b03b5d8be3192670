"""SIM's search and attention, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, recent
from zoo.layers.search import ExactSearch, HardSearch, SoftSearch, top_events


def behaviours(keys, ids, lengths) -> Behaviours:
    keys = tf.constant(keys, tf.float32)
    return Behaviours(keys, keys[..., :0], tf.sequence_mask(lengths, keys.shape[1], dtype=tf.float32),
                      tf.constant(ids, tf.int64))


def candidates(query, ids) -> EmbeddedCandidates:
    query = tf.constant(query, tf.float32)
    return EmbeddedCandidates(query, query, tf.ones(query.shape[:2]), tf.constant(ids, tf.int64))


def test_exactly_k_are_found_and_of_equal_ones_the_latest():
    relevance = tf.constant([[[1.0, 3, 3, 3, 2]]])
    assert top_events(relevance, tf.ones((1, 1, 5)), 2).numpy().tolist() == [[[0, 0, 1, 1, 0]]]
    assert top_events(relevance, tf.ones((1, 1, 5)), 4).numpy().tolist() == [[[0, 1, 1, 1, 1]]]
    assert top_events(relevance, tf.constant([[[1.0, 1, 0, 0, 0]]]), 3).numpy().tolist() == [[[1, 1, 0, 0, 0]]]
    assert top_events(tf.zeros((2, 3, 0)), tf.zeros((2, 3, 0)), 4).shape == (2, 3, 0)


def test_rows_are_searched_apart():
    relevance = tf.constant([[[1.0, 2], [2, 1]], [[5, 4], [4, 5]]])
    assert top_events(relevance, tf.ones((2, 2, 2)), 1).numpy().tolist() == [[[0, 1], [1, 0]], [[1, 0], [0, 1]]]


def test_hard_search_finds_the_latest_of_the_category():
    events = behaviours(np.zeros((1, 5, 2)), [[[7, 2], [8, 3], [9, 2], [7, 2], [9, 2]]], [4])   # the fifth is padding
    found = HardSearch(2, 1)(candidates(np.zeros((1, 3, 2)), [[[9, 2], [9, 3], [9, 1]]]), events)
    # Category 2 stands at 0, 2, 3: the last two of them. Category 3 once. Unknown finds nothing.
    assert found.selected.numpy().tolist() == [[[0, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]]


def test_soft_search_by_hand():
    events = behaviours([[[1.0, 0], [0, 1], [1, 1], [9, 9]]], np.zeros((1, 4, 1)), [3])
    shown = candidates([[[1.0, 2]]], np.zeros((1, 1, 1)))
    layer = SoftSearch(2, 2, (3,), 1)
    layer(shown, events)
    layer.of_event.set_weights([np.array([[1.0, 0], [0, 2]])])
    layer.of_candidate.set_weights([np.array([[3.0, 0], [0, 1]])])
    found = layer(shown, events)
    # W_a v = (3, 2); W_b e = (1, 0), (0, 2), (1, 2): products 3, 4, 7.
    np.testing.assert_allclose(found.relevance, [[[3, 4, 7, 0]]])
    assert found.selected.numpy().tolist() == [[[0, 1, 1, 0]]]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer.logits(layer(shown, events), shown, events))
    gradients = tape.gradient(loss, [layer.of_event.kernel, layer.of_candidate.kernel])
    assert all(np.abs(gradient).sum() > 0 for gradient in gradients), "the search learns from its own head"


def test_attention_over_what_was_found_by_hand():
    events = behaviours([[[1.0, 0], [0, 1], [4, 4]]], [[[5], [6], [7]]], [3])
    layer = ExactSearch(heads=1, width=1, match=True)
    shown = candidates([[[2.0, 0]]], [[[6]]])
    selected = tf.constant([[[1.0, 1, 0]]])
    layer(shown, events, selected)
    layer.of_event.set_weights([np.array([[1.0], [2.0]])])
    layer.of_candidate.set_weights([np.array([[0.5], [0.0]])])
    layer.matches.set_weights([np.array([[0.25]])])
    # Query 1, keys 1 and 2, and 0.25 more for the second, whose id is the candidate's: logits 1 and 2.25.
    weight = 1 / (1 + np.exp(-1.25))
    np.testing.assert_allclose(layer(shown, events, selected), [[[1 - weight, weight, np.log(3)]]], rtol=1e-5)
    np.testing.assert_array_equal(layer(shown, events, tf.zeros((1, 1, 3))), np.zeros((1, 1, 3)))


def test_wider_heads_scale_their_logits():
    """Two heads, four wide, that see query and keys as they are: softmax of q·k/√4."""
    events = behaviours([[[1.0, 0, 2, 0], [0, 3, 0, 1]]], [[[5], [6]]], [2])
    shown, selected = candidates([[[1.0, 1, 1, 1]]], [[[7]]]), tf.ones((1, 1, 2))
    layer = ExactSearch(heads=2, width=4, match=False)
    layer(shown, events, selected)
    for dense in (layer.of_event, layer.of_candidate):
        dense.set_weights([np.concatenate([np.eye(4), np.zeros((4, 4))], 1)])
    weight = 1 / (1 + np.exp((4 - 3) / 2))
    first, second = np.array(layer(shown, events, selected))[0, 0, :8].reshape(2, 4)
    np.testing.assert_allclose(first, [weight, 3 * (1 - weight), 2 * weight, 1 - weight], rtol=1e-5)
    np.testing.assert_allclose(second, [0.5, 1.5, 1, 0.5], rtol=1e-5)     # the second head sees nothing


@pytest.mark.parametrize("count", [2, 5])
def test_recent_events_begin_at_place_zero(count):
    events = behaviours(np.arange(8.0).reshape(2, 4, 1), np.arange(8).reshape(2, 4, 1), [3, 1])
    last = recent(events, count)
    expected = {2: [[1, 2], [4, 0]], 5: [[0, 1, 2, 0], [4, 0, 0, 0]]}[count]
    np.testing.assert_array_equal(last.ids[..., 0] * tf.cast(last.mask, tf.int64), expected)
    np.testing.assert_array_equal(last.keys[..., 0] * last.mask, expected)
    np.testing.assert_array_equal(tf.reduce_sum(last.mask, 1), [min(3, count), 1])
