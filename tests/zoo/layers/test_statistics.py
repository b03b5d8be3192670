"""Counts over the history, by hand: for trees as they are, for networks scaled."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import rich_bound, toy_schema
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.detailed_statistics import DetailedStatistics
from zoo.layers.history_statistics import HistoryStatistics
from zoo.layers.shelf_statistics import ShelfStatistics
from zoo.layers.statistics import DenseStatistics, ScaledStatistics
from zoo.layers.usual import Moments, UsualNumber
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


def test_products_are_counted_against_the_shelf():
    products = BehaviourSequence(name="products", role="products", max_length=6, fields=(
        Feature(name="item", space="item", role="item"), Feature(name="kind", space="kind")))
    shelf = tuple(Feature(name=name, space=space, role="shelf", multiple=True, max_values=3)
                  for name, space in (("shelf", "item"), ("shelf_kind", "kind")))
    schema = Schema(name="live", spaces={"item": IdSpace(), "kind": IdSpace()}, sequences=(products,),
                    candidates=(Feature(name="host", space="item"), *shelf), group_key="user", keys=("user",),
                    ).bind({"item": 10, "kind": 3})
    # The first history ends before item 9; the second is empty. Of the second room's shelf only the first product is one; the
    # third room has none. An unknown id (1) is like no other.
    request = {"products_item": tf.constant([[5, 7, 5, 1, 9], [4, 4, 4, 4, 4]], tf.int64),
               "products_kind": tf.constant([[2, 3, 2, 3, 2]] * 2, tf.int64),
               "products_length": tf.constant([4, 0], tf.int64)}
    candidates = {"candidate_host": tf.ones([2, 3], tf.int64),
                  "candidate_shelf": tf.constant([[[5, 8, 1], [7, 5, 0], [5, 5, 5]]] * 2, tf.int64),
                  "candidate_shelf_kind": tf.constant([[[2, 2, 2], [3, 2, 0], [2, 2, 2]]] * 2, tf.int64),
                  "candidate_shelf_count": tf.constant([[3, 1, 0]] * 2, tf.int64),
                  "candidate_shelf_kind_count": tf.constant([[3, 1, 0]] * 2, tf.int64)}
    layer = ShelfStatistics(schema)
    found = dict(zip(layer.names, np.moveaxis(layer(request, candidates).numpy(), -1, 0), strict=True))
    nothing = {"count": 0, "share": 0, "recency": 6, "covered": 0}
    expected = {"candidate_shelf_count": [2, 1, 0], "candidate_shelf_share": [0.5, 0.25, 0],
                "candidate_shelf_recency": [1, 2, 6], "candidate_shelf_covered": [1 / 3, 1, 0],
                "candidate_shelf_kind_count": [2, 2, 0], "candidate_shelf_kind_share": [0.5, 0.5, 0],
                "candidate_shelf_kind_recency": [1, 0, 6], "candidate_shelf_kind_covered": [1, 1, 0]}
    for name, values in expected.items():
        np.testing.assert_allclose(found.pop(name), [values, [nothing[name.rpartition("_")[2]]] * 3], err_msg=name, rtol=1e-6)
    assert {name: values.tolist() for name, values in found.items()} == {"products_length": [[4, 4, 4], [0, 0, 0]]}
    trees, network = DenseStatistics(schema), ScaledStatistics(schema)
    assert trees.names == ["candidate_host", *layer.names] and trees(request, candidates).shape == (2, 3, 1 + 9)
    assert network(request, candidates).shape == (2, 3, 9 + 2), "each recency twice"
    none = candidates | {name: values[..., :0] for name, values in candidates.items() if values.shape.rank == 3}
    none |= {name: tf.zeros_like(values) for name, values in candidates.items() if name.endswith("_count")}
    np.testing.assert_array_equal(layer(request, none)[0, 0], layer(request, candidates)[0, 2])


def test_text_and_several_values_are_left_out():
    names = DenseStatistics(rich_bound()).names
    assert "candidate_price" in names and not {"candidate_title", "candidate_tags", "interests"} & set(names)


def test_nothing_to_count_is_said():
    with pytest.raises(ConfigError, match="role 'behaviours'"):
        ScaledStatistics(toy_schema().model_copy(update={"sequences": ()}))


def test_a_number_is_measured_by_its_category():
    """Category 2 has 1, 3; category 3 has 10; the prior is five values of the whole, of mean 14/3 and variance 146/9."""
    usual = UsualNumber(5)
    np.testing.assert_array_equal(usual(tf.constant([7.0]), tf.constant([3])), [7.0])
    moments = Moments(5)
    for numbers, categories in (([1.0, 10.0], [2, 3]), ([3.0], [2])):
        moments.add(np.float32(numbers), np.array(categories))
    usual.learn(moments)
    middle, variance = 14 / 3, 110 / 3 - (14 / 3) ** 2
    mean = (4 + 5 * middle) / 7
    deviation = np.sqrt(((1 - mean) ** 2 + (3 - mean) ** 2 + 5 * variance) / 7)
    got = usual(tf.constant([3.0, 3.0]), tf.constant([2, 4])).numpy()
    np.testing.assert_allclose(got, [(3 - mean) / deviation, (3 - middle) / np.sqrt(variance)], rtol=1e-6)


def test_a_number_that_is_always_the_same_is_usual():
    usual = UsualNumber(4)
    moments = Moments(4)
    moments.add(np.full(3, 2.0, np.float32), np.array([2, 2, 3]))
    usual.learn(moments)
    assert usual(tf.constant([2.0, 2.0, 3.0]), tf.constant([2, 3, 2])).numpy().tolist() == [0, 0, 1]


DETAILED = (Feature(name="item", space="item", role="item"), Feature(name="category", space="category", role="category"),
            Feature(name="brand", space="brand", role="brand"), Feature(name="price", kind="number", role="price"))


def detailed() -> tuple[Schema, dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    schema = Schema(name="shop", spaces={name: IdSpace() for name in ("item", "category", "brand")}, group_key="user",
                    sequences=(BehaviourSequence(name="history", fields=DETAILED, max_length=6),), candidates=DETAILED,
                    keys=("user",)).bind({"item": 10, "category": 6, "brand": 6})
    past = {"history_item": tf.constant([[5, 7, 5, 9]], tf.int64), "history_category": tf.constant([[2, 3, 2, 2]], tf.int64),
            "history_brand": tf.constant([[4, 4, 5, 4]], tf.int64), "history_price": tf.constant([[1.0, 2.0, 6.0, 50.0]]),
            "history_length": tf.constant([3], tf.int64)}
    shown = {"candidate_item": tf.constant([[5, 8]], tf.int64), "candidate_category": tf.constant([[2, 3]], tf.int64),
             "candidate_brand": tf.constant([[4, 5]], tf.int64), "candidate_price": tf.constant([[4.0, 1.0]]),
             "candidate_count": tf.constant([2], tf.int64)}
    return schema, past, shown


def test_pairs_of_ids_and_prices_within_their_category():
    """Of three events one has the first candidate's category and brand; the fourth stands behind the history."""
    schema, past, shown = detailed()
    layer = DetailedStatistics(schema)
    assert layer.names[:len(HistoryStatistics(schema).names)] == HistoryStatistics(schema).names
    assert layer.names[-4:] == ["history_category_brand_count", "history_price_usual", "history_price_taste",
                                "history_price_off_taste"]
    layer.usual[0].mean.assign([0, 0, 2.0, 1.0, 0, 0, 0, 0])
    layer.usual[0].deviation.assign([1, 1, 2.0, 4.0, 1, 1, 1, 1])
    taste = ((1 - 2) / 2 + (2 - 1) / 4 + (6 - 2) / 2) / (3 + 3)
    expected = [[1, 1.0, taste, (1.0 - taste) ** 2], [0, 0.0, taste, taste ** 2]]
    np.testing.assert_allclose(layer(past, shown).numpy()[0, :, -4:], expected, rtol=1e-6)
    names = [name for name in layer.names if name.startswith("history_price")]
    assert ScaledStatistics(schema, detailed=True)(past, shown).shape[-1] > ScaledStatistics(schema)(past, shown).shape[-1]
    assert set(names) <= set(DenseStatistics(schema, detailed=True).names)


def test_what_is_usual_is_learned_from_real_candidates_alone():
    schema, past, shown = detailed()
    layer = DetailedStatistics(schema)
    layer(past, shown)
    layer.learn([past | shown | {"candidate_count": tf.constant([1], tf.int64)}])
    assert layer.usual[0].mean.numpy().tolist() == [4.0] * 8  # of the one real candidate, in its category and as the prior
