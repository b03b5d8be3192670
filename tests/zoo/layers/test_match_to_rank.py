"""DMR's networks and losses on numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_batch, toy_bound, toy_requests
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.match_to_rank import ItemToItem, NextItemLoss, PositionalQuery, UserToItem, prefix
from zoo.models import registry


def softplus(x):
    return np.log1p(np.exp(x))


def test_positions_count_from_the_most_recent_event():
    query = PositionalQuery(3, 2)
    ages = query.ages(tf.sequence_mask([5, 2, 0], 5, dtype=tf.float32)).numpy()
    np.testing.assert_array_equal(ages[0], [2, 2, 2, 1, 0])  # older ones share the last row
    np.testing.assert_array_equal(ages[1][:2], [1, 0])
    assert ((ages >= 0) & (ages < 3)).all()


def test_user_to_item_by_hand():
    network = UserToItem(PositionalQuery(4, 1, position=False), hidden=1, dim=1)
    events, context = tf.constant([[[1.0], [3.0], [50.0]], [[1.0], [1.0], [1.0]]]), tf.zeros((2, 3, 0))
    mask = tf.sequence_mask([2, 0], 3, dtype=tf.float32)
    network(events, context, mask)
    network.project.set_weights([np.float32([[0.5]]), np.float32([0.0])])
    network.logit.set_weights([np.float32([[2.0]])])
    network.output_layer.set_weights([np.float32([[-1.0]]), np.float32([0.5])])
    network.output_activation.set_weights([np.float32([0.1])])
    a = 2 * np.tanh([0.5, 1.5])
    weights = np.exp(a) / np.exp(a).sum()
    pooled = weights @ [1.0, 3.0]
    np.testing.assert_allclose(network(events, context, mask), [[0.1 * (0.5 - pooled)], [0.0]], rtol=1e-5)


def test_item_to_item_by_hand():
    network = ItemToItem(PositionalQuery(4, 1, position=False), hidden=1, match=True)
    query = tf.constant([[[2.0]]])
    candidates = EmbeddedCandidates(query, query, tf.ones((1, 1)), tf.constant([[[7]]], tf.int64))
    past = Behaviours(tf.constant([[[1.0], [-1.0], [9.0]]]), tf.zeros((1, 3, 0)), tf.constant([[1.0, 1, 0]]),
                      tf.constant([[[7], [8], [7]]], tf.int64))
    network(candidates, past)
    network.of_event.set_weights([np.float32([[1.0]]), np.float32([0.25])])
    network.of_candidate.set_weights([np.float32([[0.5]])])
    network.logit.set_weights([np.float32([[3.0]])])
    network.matches.set_weights([np.float32([[0.75]])])
    logits = 3 * np.tanh([1 + 1 + 0.25, 1 - 1 + 0.25]) + [0.75, 0]
    weights = np.exp(logits) / np.exp(logits).sum()
    interest, relevance = network(candidates, past)
    np.testing.assert_allclose(relevance, [[logits.sum()]], rtol=1e-5)
    np.testing.assert_allclose(interest, [[[weights @ [1.0, -1.0]]]], rtol=1e-5)
    np.testing.assert_allclose(network.weights_of(candidates, past), [[[*weights, 0.0]]], rtol=1e-5)


def test_prefix_finds_the_last_event_from_the_length():
    ids = tf.constant([[5, 6, 7, 0], [5, 0, 0, 0], [0, 0, 0, 0], [5, 1, 0, 0]], tf.int64)
    mask = tf.sequence_mask([3, 1, 0, 2], 4, dtype=tf.float32)
    before = prefix(mask, ids)
    np.testing.assert_array_equal(before.mask.numpy().sum(1), [2, 0, 0, 1])
    assert before.following[0] == 7
    np.testing.assert_array_equal(before.weight, [1, 0, 0, 0])  # too short, empty, and an unknown item


def table_of(*rows):
    table = EmbeddingTable(len(rows), 1)
    table(tf.constant([0]))
    table.set_weights([np.float32(rows)[:, None]])
    return table


def test_logistic_loss_by_hand():
    table = table_of(0.0, 0.0, 1.0, 2.0, -1.0)
    loss = NextItemLoss("logistic", 3)
    user, following = tf.constant([[0.5], [9.0]]), tf.constant([2, 3], tf.int64)
    value = loss(user, following, tf.constant([1.0, 0.0]), table, tf.constant([3, 4, 2], tf.int64))
    # the sample 2 is the item itself and left out; the second request has no weight
    np.testing.assert_allclose(value, softplus(-0.5) + softplus(1.0) + softplus(-0.5), rtol=1e-5)


def test_softmax_loss_by_hand():
    table = table_of(0.0, 0.0, 1.0, 2.0, -1.0)
    loss = NextItemLoss("softmax", 2)
    value = loss(tf.constant([[0.5]]), tf.constant([2], tf.int64), tf.ones(1), table, tf.constant([3, 4], tf.int64))
    chance = np.log((np.arange(3) + 2) / (np.arange(3) + 1)) / np.log(4)  # of the ids 2, 3, 4
    np.testing.assert_allclose(chance.sum(), 1)
    logits = np.array([0.5, 1.0, -0.5]) - np.log(2 * chance)
    np.testing.assert_allclose(value, np.log(np.exp(logits).sum()) - logits[0], rtol=1e-5)
    # A sample that is the item itself is no negative: of 2 and 4, only 4 is left beside the item.
    value = loss(tf.constant([[0.5]]), tf.constant([2], tf.int64), tf.ones(1), table, tf.constant([2, 4], tf.int64))
    np.testing.assert_allclose(value, np.log(np.exp(logits[[0, 2]]).sum()) - logits[0], rtol=1e-5)
    # An item that is drawn with another chance than one half: its own logit is corrected, too.
    value = loss(tf.constant([[0.5]]), tf.constant([3], tf.int64), tf.ones(1), table, tf.constant([2, 4], tf.int64))
    np.testing.assert_allclose(value, np.log(np.exp(logits).sum()) - logits[1], rtol=1e-5)


def test_samples_are_real_rows():
    drawn = NextItemLoss("softmax", 500).sample(10).numpy()
    assert drawn.min() == 2 and drawn.max() == 9


@pytest.mark.parametrize("config", [{"u2i": False}, {"i2i": False}, {"position": False}, {"auxiliary": "none"},
                                    {"auxiliary": "logistic"}, {"output": "category"}, {"match": False}])
def test_switches(config):
    schema = toy_bound()
    model = registry.build("dmr", schema, config)
    inputs = toy_batch(schema, toy_requests(8, schema=schema))[0]
    scores = model(inputs, training=True)["click"]
    assert np.isfinite(scores).all()
    assert bool(model.losses) == (config.get("auxiliary") != "none" and config.get("u2i", True))
    assert np.isfinite(model(inputs, training=False)["click"]).all() and not model.losses


def test_the_output_table_is_its_own():
    schema = toy_bound()
    model = registry.build("dmr", schema)
    model(toy_batch(schema, toy_requests(8, schema=schema))[0])
    assert model.output_table.table is not model.embeddings.spaces["item"].table
    assert any(v is model.output_table.table for v in model.variable_groups()["embedding"])


def test_neither_network_or_no_such_role_is_an_error():
    with pytest.raises(ValueError, match="does not look at the history"):
        registry.build("dmr", toy_bound(), {"u2i": False, "i2i": False})
    with pytest.raises(ConfigError, match="share only: item, category"):
        registry.build("dmr", toy_bound(), {"output": "brand"})
