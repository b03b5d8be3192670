"""Trees as tensors say what LightGBM says; statistics by hand."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from tests.toy import toy_batch, toy_bound, toy_request, toy_schema
from zoo.keras import tf
from zoo.layers.forest import Forest
from zoo.layers.statistics import DenseStatistics, _coarse
from zoo.models.base import split_inputs
from zoo.schema import Feature


def leaf(value: float) -> dict:
    return {"leaf_value": value}


def split(feature: int, threshold: float, left: dict, right: dict) -> dict:
    return {"split_feature": feature, "threshold": threshold, "decision_type": "<=", "left_child": left, "right_child": right}


def test_two_trees_by_hand():
    forest = Forest(trees=3, leaves=3, depth=2)
    assert forest.total(forest(tf.zeros((1, 2)))).numpy() == [0], "a tree that was not grown is a leaf of value 0"
    trees = [split(0, 1.0, leaf(1), split(1, 5.0, leaf(2), leaf(3))), leaf(10)]
    forest.set_trees([{"tree_structure": tree} for tree in trees])
    rows = tf.constant([[1.0, 0], [1.5, 5], [1.5, 6]])
    assert forest.total(forest(rows)).numpy().tolist() == [11, 12, 13]
    assert forest.learned_numbers() == 2 + 3, "two thresholds, three leaves; a tree without a split says nothing of the input"
    leaves = forest(rows).numpy()
    assert len(set(leaves[:, 0])) == 3 and len(set(leaves[:, 1])) == 1
    assert set(leaves[:, 0]) & set(leaves[:, 1]) == set(), "leaves of two trees are two features"


def test_a_tree_that_does_not_fit_is_refused():
    deep = split(0, 1.0, split(0, 0.0, leaf(1), leaf(2)), leaf(3))
    for room in ({"leaves": 3, "depth": 1}, {"leaves": 2, "depth": 5}):
        with pytest.raises(ValueError, match="deeper|leaves"):
            Forest(trees=1, **room).set_trees([{"tree_structure": deep}])
    with pytest.raises(ValueError, match="room for 1"):
        Forest(1, 2, 2).set_trees([{"tree_structure": leaf(1)}] * 2)
    with pytest.raises(ValueError, match="=="):
        Forest(1, 2, 2).set_trees([{"tree_structure": split(0, 1, leaf(1), leaf(2)) | {"decision_type": "=="}}])


def test_a_threshold_between_two_float32_is_rounded_down():
    """0.1 as float32 lies above 0.1 as float64, which is what the library compares with: so it goes right."""
    forest = Forest(1, 2, 1)
    forest.set_trees([{"tree_structure": split(0, 0.1, leaf(1), leaf(2))}])
    rows = tf.constant([[np.float32(0.1)], [np.nextafter(np.float32(0.1), np.float32(0))]])
    assert forest.total(forest(rows)).numpy().tolist() == [2, 1]


def test_the_same_scores_as_the_library_to_the_last_row():
    """Rows that lie exactly on thresholds, too: float32 values, float64 thresholds."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4000, 6)).astype(np.float32).round(2)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-rows[:, 0] * rows[:, 1] - rows[:, 2]))).astype(float)
    booster = lightgbm.train({"objective": "binary", "num_leaves": 12, "max_depth": 8, "use_missing": False, "verbosity": -1,
                              "deterministic": True}, lightgbm.Dataset(rows, labels), num_boost_round=60)
    forest = Forest(60, 12, 8)
    forest.set_trees(booster.dump_model()["tree_info"])
    np.testing.assert_allclose(forest.total(forest(tf.constant(rows))), booster.predict(rows, raw_score=True), atol=1e-5)


def test_statistics_by_hand():
    schema = toy_bound()
    request = toy_request(np.random.default_rng(0), schema, history=4, candidates=2)
    request.sequences["history"].update(item=["i1", "i2", "i1", "i3"], category=["c1", "c2", "c1", "c3"])
    request.candidates.update(item=["i1", "i9"], category=["c1", "c3"])
    inputs = toy_batch(schema, [request])[0]
    layer = DenseStatistics(schema)
    rows = layer(*split_inputs(schema, inputs)).numpy()[0]
    assert rows.shape == (2, len(layer.names))
    first, second = (dict(zip(layer.names, row, strict=True)) for row in rows)
    assert first["history_length"] == 4
    # i1 stands twice, lastly one event before the end; i9 never: its recency is the longest history.
    assert [first[f"history_item_{what}"] for what in ("count", "share", "recency")] == [2, 0.5, 1]
    assert [second[f"history_item_{what}"] for what in ("count", "share", "recency")] == [0, 0, 8]
    assert [second[f"history_category_{what}"] for what in ("count", "share", "recency")] == [1, 0.25, 0]
    assert first["last_history_gap"] == pytest.approx(np.log1p(request.sequences["history"]["gap"][-1]), rel=1e-5)


def test_statistics_of_an_empty_history_are_finite():
    schema = toy_bound()
    request = toy_request(np.random.default_rng(0), schema, history=0, candidates=3)
    rows = DenseStatistics(schema)(*split_inputs(schema, toy_batch(schema, [request])[0]))
    assert rows.shape[1] == 3 and np.isfinite(rows).all()


def test_statistics_are_the_same_bits_whatever_the_batch_is_padded_to():
    """A price that equals the history's mean, and random ones; alone and beside the longest history."""
    rng = np.random.default_rng(0)
    price = Feature(name="price", kind="number", role="price")
    sequence = toy_schema().sequences[0]
    sequence = sequence.model_copy(update={"fields": (*sequence.fields, price), "max_length": 40})
    schema = toy_schema().model_copy(update={"sequences": (sequence,)}).bind({"item": 60, "category": 6})
    layer, width = DenseStatistics(schema), 40
    for prices in ([0.1] * 3, [0.7] * 7, *(rng.normal(size=n) for n in rng.integers(1, 30, 40))):
        length = len(prices)
        rows = []
        for padded in (length, width):
            past = {f"history_{name}": tf.zeros((1, padded), kind) for name, kind in (
                ("item", tf.int64), ("category", tf.int64), ("gap", tf.float32), ("gap_bucket", tf.int64))}
            past["history_price"] = tf.constant([[*prices, *[0.0] * (padded - length)]], tf.float32)
            request = past | {"history_length": tf.constant([length], tf.int64), "user_id": tf.constant([2], tf.int64),
                              "hour": tf.constant([0.0])}
            shown = {f"candidate_{name}": tf.zeros((1, 2), tf.int64) for name in ("item", "category")}
            shown |= {"candidate_price": tf.constant([[prices[0], 0.3]], tf.float32), "candidate_image": tf.zeros((1, 2, 3))}
            rows.append(layer(request, shown).numpy()[0])
        assert (rows[0] == rows[1]).all()
        if len(set(prices)) == 1:
            assert rows[0][0][layer.names.index("history_price_to_mean")] == 0


def test_the_last_digits_of_a_number_are_no_difference():
    numbers = np.float32([0.0, 1.0, -3.0, 131_071.0, 0.1, -0.37, 1e-4])
    assert (_coarse(tf.constant(numbers[:4])).numpy() == numbers[:4]).all()
    beside = np.nextafter(numbers, np.float32(np.inf))
    assert (_coarse(tf.constant(beside[4:])).numpy() == _coarse(tf.constant(numbers[4:])).numpy()).all()
    assert _coarse(tf.constant(numbers)).numpy() == pytest.approx(numbers, rel=1e-5)
