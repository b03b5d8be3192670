"""Tables, views, mini-batch-aware regularisation, the linear part and its crosses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_batch, toy_bound, toy_requests
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.linear import Cross, Linear, linear_crosses


@pytest.fixture(scope="module")
def schema():
    return toy_bound()


@pytest.fixture(scope="module")
def inputs(schema):
    return toy_batch(schema, toy_requests(6, schema=schema))[0]


def test_ids_outside_the_table_read_the_row_of_the_unknown():
    table = EmbeddingTable(4, 2)
    rows = table(tf.constant([1, 3, 4, 900, -1], tf.int64)).numpy()
    np.testing.assert_array_equal(rows[2:], np.repeat(rows[:1], 3, 0))


def test_candidates_and_history_share_a_table_and_line_up(schema, inputs):
    embeddings = Embeddings(schema, EmbeddingConfig(dim=4))
    sequence = schema.sequence("behaviours")
    assert [(a.name, b.name) for a, b in matched_columns(schema, sequence)] == [
        ("history_item", "candidate_item"), ("history_category", "candidate_category")]
    events, candidates = embeddings.behaviours(inputs, sequence), embeddings.candidates(inputs)
    assert events.keys.shape[-1] == candidates.query.shape[-1] == 8
    item = embeddings.spaces["item"].table.numpy()
    np.testing.assert_array_equal(events.keys[..., :4], item[inputs["history_item"].numpy()])
    np.testing.assert_array_equal(candidates.query[..., :4], item[inputs["candidate_item"].numpy()])
    assert events.context.shape[-1] == 1 + 8 and candidates.features.shape[-1] == 4 + 4 + 1 + 3


def test_mini_batch_aware_regularisation_by_hand(schema, inputs):
    embeddings = Embeddings(schema, EmbeddingConfig(dim=4, regularization=0.1))
    frequencies = embeddings.row_regularization.frequencies
    counts = {name: np.arange(1, variable.shape[0] + 1, dtype=np.float32) for name, variable in frequencies.items()}
    for name, variable in frequencies.items():
        variable.assign(counts[name])
    expected, touched = 0.0, {}
    for space, table in embeddings.spaces.items():
        ids = np.unique(np.concatenate([inputs[c.name].numpy().ravel() for c in schema.columns() if c.feature.space == space]))
        touched[space] = ids[ids != 0]
        expected += sum((table.table.numpy()[i] ** 2).sum() / counts[space][i] for i in touched[space])
    with tf.GradientTape() as tape:
        value = embeddings.regularization(inputs)
    np.testing.assert_allclose(value, 0.05 * expected, rtol=1e-4)
    table = embeddings.spaces["item"].table
    gradient = tf.convert_to_tensor(tape.gradient(value, table)).numpy()
    i = touched["item"][0]
    np.testing.assert_allclose(gradient[i], 0.1 * table.numpy()[i] / counts["item"][i], rtol=1e-4)
    assert (gradient[0] == 0).all(), "padding does not decay"


def test_a_cross_weighs_pairs_and_never_padding_or_unknown(schema):
    columns = {column.name: column for column in schema.columns()}
    cross = Cross(schema, columns["candidate_category"], columns["history_category"], 1 << 16)
    cross.weight.table.assign(np.random.default_rng(0).normal(size=cross.weight.table.shape))
    request = {"history_category": tf.constant([[2, 3, 0, 0]], tf.int64), "history_length": tf.constant([2], tf.int64)}
    both = cross(request, {"candidate_category": tf.constant([[4, 5, 1, 4]], tf.int64)}).numpy()[0]
    one = [cross({"history_category": tf.constant([[h]], tf.int64), "history_length": tf.constant([1], tf.int64)},
                 {"candidate_category": tf.constant([[4]], tf.int64)}).numpy()[0, 0] for h in (2, 3)]
    np.testing.assert_allclose(both[0], sum(one) / np.sqrt(2), rtol=1e-5)
    assert both[0] == both[3] != both[1] and both[2] == 0


def test_pairs_spread_evenly_over_the_buckets(schema):
    columns = {column.name: column for column in schema.columns()}
    cross = Cross(schema, columns["candidate_item"], columns["user_id"], 256)
    cross.weight.table.assign(np.arange(258, dtype=np.float32)[:, None])
    buckets = cross({"user_id": tf.constant(np.arange(2, 202))},
                    {"candidate_item": tf.constant(np.repeat(np.arange(2, 202)[None], 200, 0))}).numpy()
    counts = np.bincount(buckets.astype(int).ravel() - 2, minlength=256)
    assert counts.min() > 0.5 * counts.mean() and counts.max() < 1.6 * counts.mean()


def test_linear_is_a_sum_of_weights(schema, inputs):
    linear = Linear(schema, [], 1)
    for table in linear.tables.values():
        table.table.assign(tf.random.stateless_normal(table.table.shape, [1, 2]))
    for name, weight in linear.numbers.items():
        weight.assign(tf.fill(weight.shape, float(len(name))))
    result = linear(inputs, inputs).numpy()
    row, place = 0, 0
    expected = sum(linear.tables[c].table.numpy()[inputs[c].numpy()[row, place], 0] for c in
                   ("candidate_item", "candidate_category"))
    expected += linear.tables["user_id"].table.numpy()[inputs["user_id"].numpy()[row], 0]
    expected += 4 * inputs["hour"].numpy()[row] + 15 * inputs["candidate_price"].numpy()[row, place]
    expected += 15 * inputs["candidate_image"].numpy()[row, place].sum()
    np.testing.assert_allclose(result[row, place], expected, rtol=1e-4)


def test_default_crosses_and_wrong_ones(schema):
    assert linear_crosses(schema, None) == [("candidate_item", "history_item"), ("candidate_category", "history_category"),
                                            ("candidate_item", "user_id")]
    with pytest.raises(ConfigError, match="did you mean 'history_item'"):
        linear_crosses(schema, [("candidate_item", "histry_item")])
