"""Counts over the history, by hand: for trees as they are, for networks scaled."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import rich_bound, toy_schema
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.statistics import DenseStatistics, HistoryStatistics, ScaledStatistics
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema

FIELDS = (Feature(name="item", space="item", role="item"), Feature(name="price", kind="number", role="price"),
          Feature(name="gap", kind="number", role="time_gap"))
HISTORY = BehaviourSequence(name="history", fields=FIELDS, max_length=6)
SCHEMA = Schema(name="shop", spaces={"item": IdSpace()}, sequences=(HISTORY,), candidates=FIELDS[:2], group_key="user",
                keys=("user",)).bind({"item": 10})
REQUEST = {"history_item": tf.constant([[5, 7, 5, 9], [4, 4, 4, 4]], tf.int64), "history_length": tf.constant([3, 0], tf.int64),
           "history_price": tf.constant([[1.0, 2.0, 6.0, 50.0], [9.0, 9.0, 9.0, 9.0]]),
           "history_gap": tf.constant([[3.0, 2.0, 0.5, 50.0], [9.0, 9.0, 9.0, 9.0]])}
CANDIDATES = {"candidate_item": tf.constant([[5, 9, 1], [4, 5, 1]], tf.int64), "candidate_count": tf.constant([3, 2], tf.int64),
              "candidate_price": tf.constant([[6.0, 3.0, 1.0], [2.0, 2.0, 2.0]])}


def column(layer, name: str) -> np.ndarray:
    return layer(REQUEST, CANDIDATES).numpy()[..., layer.names.index(name)]


def test_history_is_counted_up_to_its_length():
    """Event 9 stands behind the first request's history, and the second request has none."""
    layer = HistoryStatistics(SCHEMA)
    assert column(layer, "history_length").tolist() == [[3, 3, 3], [0, 0, 0]]
    assert column(layer, "history_item_count").tolist() == [[2, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(column(layer, "history_item_share"), [[2 / 3, 0, 0], [0, 0, 0]])
    assert column(layer, "history_item_recency").tolist() == [[0, 6, 6], [6, 6, 6]]
    assert column(layer, "history_price_to_last").tolist() == [[0, -3, -5], [0, 0, 0]]
    assert column(layer, "history_price_to_mean").tolist() == [[3, 0, -2], [0, 0, 0]]
    assert column(layer, "last_history_gap").tolist() == [[0.5, 0.5, 0.5], [0, 0, 0]]


def test_networks_get_them_scaled():
    values = ScaledStatistics(SCHEMA)(REQUEST, CANDIDATES).numpy()[0, 1]
    np.testing.assert_allclose(values, [np.log(4), 0, 0, 1 / 7, np.log(7) / 4, -3, 3, 0, 0, 0.5], rtol=1e-6)


def test_trees_get_them_beside_their_own_numbers():
    layer = DenseStatistics(SCHEMA)
    assert layer.names[:2] == ["candidate_item", "candidate_price"] and layer.names[2:] == HistoryStatistics(SCHEMA).names
    assert column(layer, "candidate_price").tolist() == [[6, 3, 1], [2, 2, 2]]


def test_text_and_several_values_are_left_out():
    names = DenseStatistics(rich_bound()).names
    assert "candidate_price" in names and not {"candidate_title", "candidate_tags", "interests"} & set(names)


def test_nothing_to_count_is_said():
    with pytest.raises(ConfigError, match="role 'behaviours'"):
        ScaledStatistics(toy_schema().model_copy(update={"sequences": ()}))
