"""Several values of a column, by hand: counts say what is real, whatever the padding."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.embeddings import EmbeddingConfig, Embeddings, FieldEmbeddingConfig
from zoo.layers.linear import Linear, linear_crosses
from zoo.layers.values import averaged, summed
from zoo.models import registry
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema

TAGS = Feature(name="tags", space="tag", multiple=True)
SCHEMA = Schema(
    name="tagged", spaces={"tag": IdSpace(), "item": IdSpace()}, group_key="user", keys=("user",),
    request=(Feature(name="liked", space="tag", multiple=True, weighted=True), Feature(name="query", kind="text")),
    sequences=(BehaviourSequence(name="past", fields=(Feature(name="item", space="item"), TAGS,
                                                      Feature(name="title", kind="text"))),),
    candidates=(Feature(name="title", kind="text"), Feature(name="item", space="item", role="item"), TAGS),
).bind({"tag": 8, "item": 8})
# Row j of the tag's table is [j, 1]. What stands beyond the counts would be seen: an id outside the table, and NaN.
ROWS = np.stack([np.arange(10.0), np.ones(10)], 1)
INPUTS = {
    "liked": tf.constant([[2, 4, 99], [5, 99, 99]], tf.int64), "liked_count": tf.constant([2, 0], tf.int64),
    "liked_weight": tf.constant([[3.0, 1, np.nan], [np.nan] * 3]),
    "query": tf.constant(["a", "b"]),
    "past_item": tf.constant([[2, 3], [4, 0]], tf.int64), "past_length": tf.constant([2, 1], tf.int64),
    "past_tags": tf.constant([[[2, 7], [3, 99]], [[6, 4], [99, 99]]], tf.int64),
    "past_tags_count": tf.constant([[2, 1], [2, 0]], tf.int64), "past_title": tf.constant([["x", "y"], ["z", ""]]),
    "candidate_title": tf.constant([["x"], ["y"]]), "candidate_item": tf.constant([[3], [4]], tf.int64),
    "candidate_tags": tf.constant([[[9, 5, 99]], [[7, 99, 99]]], tf.int64),
    "candidate_tags_count": tf.constant([[2], [1]], tf.int64), "candidate_count": tf.constant([1, 1], tf.int64),
}


def column(name: str):
    return next(column for column in SCHEMA.columns() if column.name == name)


def rows_of(ids):
    return tf.gather(tf.constant(ROWS, tf.float32), tf.minimum(ids, 9))


def test_a_weighted_mean_and_a_sum_of_weights():
    # (3·2 + 1·4) / 4 and 3·2 + 1·4; nothing at all in the second row.
    np.testing.assert_allclose(averaged(rows_of, column("liked"), INPUTS), [[2.5, 1], [0, 0]])
    np.testing.assert_allclose(summed(rows_of, column("liked"), INPUTS), [[10, 4], [0, 0]])
    np.testing.assert_allclose(averaged(rows_of, column("past_tags"), INPUTS), [[[4.5, 1], [3, 1]], [[5, 1], [0, 0]]])
    np.testing.assert_allclose(summed(rows_of, column("candidate_tags"), INPUTS), [[[14, 2]], [[7, 1]]])
    np.testing.assert_allclose(averaged(rows_of, column("candidate_item"), INPUTS), [[[3, 1]], [[4, 1]]])


def test_no_value_in_the_whole_batch():
    empty = {"candidate_tags": tf.zeros((2, 1, 0), tf.int64), "candidate_tags_count": tf.zeros((2, 1), tf.int64)}
    np.testing.assert_array_equal(averaged(rows_of, column("candidate_tags"), empty), np.zeros((2, 1, 2)))


def test_the_views_pool_values_and_leave_text_alone():
    layer = Embeddings(SCHEMA, EmbeddingConfig(dim=2))
    layer.spaces["tag"].table.assign(ROWS)
    item = layer.spaces["item"].table.numpy()
    sequence = SCHEMA.sequence("behaviours")
    np.testing.assert_allclose(layer.profile(INPUTS), [[2.5, 1], [0, 0]])
    past, shown = layer.behaviours(INPUTS, sequence), layer.candidates(INPUTS)
    np.testing.assert_allclose(past.context, [[[4.5, 1], [3, 1]], [[5, 1], [0, 0]]])
    np.testing.assert_allclose(shown.features, [[[*item[3], 7, 1]], [[*item[4], 7, 1]]])
    np.testing.assert_array_equal(past.ids, INPUTS["past_item"][..., None])
    np.testing.assert_array_equal(shown.query[:, 0], item[[3, 4]])
    assert layer.behaviours_width(sequence) == past.events.shape[-1] == 4
    np.testing.assert_allclose(layer.pooled(INPUTS, sequence)[:, 2:], [[3.75, 1], [5, 1]])


def test_fields_of_several_values():
    layer = Embeddings(SCHEMA, FieldEmbeddingConfig(dim=2))
    layer.spaces["tag"].table.assign(ROWS)
    request, candidates = layer.request_fields(INPUTS), layer.candidate_fields(INPUTS)
    assert request.shape == (2, 3, 2) and candidates.shape == (2, 1, 2, 2)
    np.testing.assert_allclose(request[:, 0], [[2.5, 1], [0, 0]])
    np.testing.assert_allclose(request[:, 2], [[3.75, 1], [5, 1]])
    np.testing.assert_allclose(candidates[:, 0, 1], [[7, 1], [7, 1]])


def test_linear_sums_weights():
    linear = Linear(SCHEMA, [], 1)
    for name in ("liked", "candidate_tags"):
        linear.tables[name].table.assign(ROWS[:, :1])
    linear.tables["candidate_item"].table.assign(100 * ROWS[:, :1])
    np.testing.assert_allclose(linear(INPUTS, INPUTS), [[10 + 300 + 14], [0 + 400 + 7]])


def test_mlr_sums_its_weights():
    model = registry.build("mlr", SCHEMA, {"regions": 1})
    for name, table in model.tables.items():
        table.table.assign(ROWS if name in ("liked", "past_tags", "candidate_tags") else 0 * ROWS)
    model.bias.assign([0.0, 0.0])
    # Of the history, sums over the events: 9 + 3 and 10, divided by the square root of the length.
    np.testing.assert_allclose(model.encode_request(INPUTS)["common"],
                               [[10 + 12 / np.sqrt(2), 4 + 3 / np.sqrt(2)], [10, 2]], rtol=1e-6)
    np.testing.assert_allclose(model.encode_candidates(INPUTS)["own"], [[[14, 2]], [[7, 1]]])


def test_regularisation_counts_real_values_alone():
    layer = Embeddings(SCHEMA, EmbeddingConfig(dim=2, regularization=2.0))
    layer.spaces["tag"].table.assign(ROWS)
    layer.spaces["item"].table.assign(0 * ROWS)
    layer.count_frequencies([INPUTS, INPUTS])
    # Tags 2 (twice), 4 (twice), 7 (twice), 3, 6, 9, 5 once, in each of two batches; never 99 and not the 5 beyond a count.
    np.testing.assert_array_equal(layer.row_regularization.frequencies["tag"], [1, 1, 4, 2, 4, 2, 2, 4, 1, 2])
    expected = sum((j * j + 1) / n for j, n in {2: 4, 3: 2, 4: 4, 5: 2, 6: 2, 7: 4, 9: 2}.items())
    np.testing.assert_allclose(layer.regularization(INPUTS), expected, rtol=1e-5)


def test_several_values_are_never_compared_or_crossed():
    sequence = SCHEMA.sequence("behaviours")
    assert [(a.name, b.name) for a, b in matched_columns(SCHEMA, sequence)] == [("past_item", "candidate_item")]
    assert linear_crosses(SCHEMA, None) == [("candidate_item", "past_item")]
    with pytest.raises(ConfigError, match="'past_tags' is not an id column of the request or sequence with one value"):
        linear_crosses(SCHEMA, [("candidate_item", "past_tags")])
    usm = registry.build("usm", SCHEMA, {"cross_buckets": 8})
    assert [field.name for field in usm.request_fields + usm.candidate_fields] == ["past_item", "candidate_item"]
    with pytest.raises(ConfigError, match="'candidate_tags' is not an id column with one value"):
        registry.build("usm", SCHEMA, {"fields": ["candidate_item", "candidate_tags"]})


@pytest.mark.parametrize("name", ["wdl", "din", "dcn", "deepfm", "mlr"])
def test_models_score_values_and_padding_changes_nothing(name):
    model = registry.build(name, SCHEMA, {"cross_buckets": 8} if name == "wdl" else None)
    scores = model.probabilities(INPUTS)["click"]
    wide = dict(INPUTS)
    for column in SCHEMA.columns():
        if column.feature.multiple:
            wide[column.name] = tf.concat([INPUTS[column.name], INPUTS[column.name][..., :1]], -1)
        if column.feature.weighted:
            wide[column.weight] = tf.concat([INPUTS[column.weight], INPUTS[column.weight][..., :1]], -1)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(model.probabilities(wide)["click"], scores, atol=1e-6)
