"""Neighbours of ids, and attention over them and over meta-paths, by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.toy import toy_schema
from zoo.assets import Assets
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.hin_attention import (
    NeighbourAttention,
    NodeAttention,
    PathNeighbours,
    SemanticAttention,
    SemanticMean,
)
from zoo.layers.neighbour_table import NeighbourTable

BOUND = toy_schema().bind({"item": 4, "category": 2})


def file(tmp_path, ids: list, lists: list, **names: str) -> Assets:
    pq.write_table(pa.table({names.get("id", "id"): pa.array(ids, pa.string()),
                             "neighbours": pa.array(lists, pa.list_(pa.string()))}), tmp_path / "of.parquet")
    for space, words in (("item", "abcd"), ("category", "xy")):
        (tmp_path / f"vocabulary_{space}.txt").write_text("".join(f"{word}\n" for word in words))
    return Assets({"of": tmp_path / "of.parquet"} | {
        f"vocabulary_{space}": tmp_path / f"vocabulary_{space}.txt" for space in ("item", "category")})


def test_neighbours_by_number(tmp_path):
    # z is no id of the log, neither as a node nor as a neighbour; b has more than K; c has none; d is not in the file.
    assets = file(tmp_path, ["a", "b", "c", "z"], [["z", "y"], ["x", "y", "x"], [], ["x"]])
    table = NeighbourTable(BOUND, "item", "category", "of", 2, assets)
    found = table(tf.constant([[2, 3], [4, 5], [1, 0], [99, -1]]))
    np.testing.assert_array_equal(found.ids, [[[3, 0], [2, 3]], [[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]])
    np.testing.assert_array_equal(found.mask, tf.cast(found.ids > 0, tf.float32))


@pytest.mark.parametrize(("ids", "lists", "names", "message"), [
    (["q"], [["x"]], {}, r"has neighbours of none of the ids of the space 'item'; its ids are such as \['q'\]"),
    (["a", "a"], [["x"], ["y"]], {}, "the id 'a' stands there twice"),
    (["a"], [[None]], {}, "a neighbour is missing"),
    (["a"], [["x"]], {"id": "item"}, "needs the columns id and neighbours, and has item, neighbours"),
])
def test_another_logs_file_is_told(tmp_path, ids, lists, names, message):
    with pytest.raises(ConfigError, match=message):
        NeighbourTable(BOUND, "item", "category", "of", 2, file(tmp_path, ids, lists, **names))


def test_a_hashed_space_has_no_neighbours(tmp_path):
    with pytest.raises(ConfigError, match="the space 'user' of the schema 'toy' is hashed"):
        NeighbourTable(BOUND, "user", "item", "of", 2, file(tmp_path, ["a"], [["x"]]))


def softmax(*values: float) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum()


def test_node_attention_by_hand():
    layer = NodeAttention(slope=0.1)
    node, neighbours = tf.constant([[1.0, 2.0]]), tf.constant([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
    mask = tf.constant([[1.0, 1.0, 0.0]])
    layer(node, neighbours, mask)
    layer.of_node.set_weights([np.array([[1.0], [-1.0]]), np.array([0.5])])  # 1 − 2 + 0.5 = −0.5
    layer.of_neighbour.set_weights([np.array([[2.0], [-3.0]])])  # 2 and −3
    alpha = softmax(1.5, 0.1 * -3.5)
    np.testing.assert_allclose(layer(node, neighbours, mask), [alpha], rtol=1e-6)
    assert not layer(node, neighbours, tf.zeros_like(mask)).numpy().any()


def test_semantic_attention_by_hand_is_asked_by_the_target():
    layer = SemanticAttention(1)
    paths = tf.constant([[[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]] * 2])  # [1, 2, 3, 2]
    present, targets = tf.constant([[[1.0, 1.0, 0.0]] * 2]), tf.constant([[[1.0], [-1.0]]])
    layer(paths, present, targets)
    layer.hidden.set_weights([np.array([[0.5], [-0.5]]), np.array([0.0])])
    layer.query.set_weights([np.array([[3.0]]), np.array([1.0])])  # q = 4 for one target, −2 for the other
    t = np.tanh(0.5)
    np.testing.assert_allclose(layer(paths, present, targets), [[softmax(4 * t, -4 * t), softmax(-2 * t, 2 * t)]], rtol=1e-6)
    assert not layer(paths, tf.zeros_like(present), targets).numpy().any()


def test_several_paths_have_weights_of_their_own_and_say_where_there_are_neighbours():
    layer = NeighbourAttention(2)
    node = tf.constant([[1.0], [1.0]])
    first = PathNeighbours(node, tf.constant([[[1.0, 0.0], [3.0, 0.0]]] * 2), tf.constant([[1.0, 1.0], [0.0, 0.0]]))
    second = PathNeighbours(node, tf.zeros([2, 0, 2]), tf.zeros([2, 0]))
    found = layer([first, second])
    np.testing.assert_array_equal(found.present, [[1, 0], [0, 0]])
    np.testing.assert_allclose(found.paths[0, 0], layer.attention[0](*first)[0])
    assert not found.paths[0, 1].numpy().any() and not found.paths[1].numpy().any()
    assert layer.attention[0].of_node is not layer.attention[1].of_node


def test_one_user_is_asked_by_many_rooms():
    """The user's paths are the same for all candidates; what counts of them is not."""
    layer, paths = SemanticAttention(3), tf.constant(np.random.default_rng(0).normal(size=(2, 1, 3, 4)), tf.float32)
    present, rooms = tf.constant([[[1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]), tf.constant(
        np.random.default_rng(1).normal(size=(2, 5, 4)), tf.float32)
    wide = layer(tf.repeat(paths, 5, 1), tf.repeat(present, 5, 1), rooms)
    np.testing.assert_allclose(layer(paths, present, rooms), wide, rtol=1e-6)
    assert len(np.unique(np.round(wide[0], 6), axis=0)) == 5 and not wide[1].numpy().any()


def test_the_mean_of_paths_is_of_those_with_neighbours():
    paths = tf.constant([[[2.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])
    layer = SemanticMean()
    np.testing.assert_allclose(layer(paths, tf.constant([[1.0, 1.0, 0.0]]), paths), [[1.0, 2.0]])
    np.testing.assert_allclose(layer(paths, tf.zeros([1, 3]), paths), [[0.0, 0.0]])
