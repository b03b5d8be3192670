"""What the benchmarks on public graphs measure, by hand; and that the HIN encoder is not told what it is asked."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from benchmarks.graphs import amazon, books
from benchmarks.graphs.links import LinkConfig, LinkEncoder
from benchmarks.graphs.ratings import RatingConfig, RatingEncoder, Ratings
from zoo.keras import keras, tf


def test_areas_are_taken_for_each_type_of_edge_and_averaged():
    rows = np.array([["1", "a", "b", "1"], ["1", "a", "c", "0"], ["2", "a", "b", "1"], ["2", "a", "c", "0"]])
    assert amazon.areas(rows, np.array([0.9, 0.1, 0.1, 0.9])) == pytest.approx({"roc_auc": 0.5, "pr_auc": 0.75})


def test_edges_go_both_ways_and_a_product_without_edges_has_no_number(tmp_path):
    with gzip.open(tmp_path / "train.txt.gz", "wt") as file:
        file.write("1 a b\n2 b c\n")
    graph = amazon.make_graph(tmp_path / "graph", amazon.read(tmp_path, "train"))
    adjacency = graph.adjacency("type1")
    assert adjacency.targets.tolist() == [1, 0] and adjacency.offsets.tolist() == [0, 1, 2, 2]
    assert amazon.pairs_of(graph, np.array([["1", "c", "z", "0"]])).tolist() == [[2, -1]]
    np.testing.assert_allclose(amazon.cosine(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])), [24 / 25])


def test_a_pair_is_scored_without_each_other_among_the_neighbours():
    keras.utils.set_random_seed(1)
    start = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    told, untold = np.array([[1, 2], [0, 3], [0, -1], [1, -1]]), np.array([[-1, 2], [-1, 3], [0, -1], [1, -1]])
    model = LinkEncoder(start, [told], 1, LinkConfig())
    left, right, kind = (tf.constant([value], tf.int64) for value in (0, 1, 0))
    asked, other = model.pairs(left, right, kind), model.pairs(left, tf.constant([3], tf.int64), kind)
    model.tables = [tf.constant(untold, tf.int64)]
    np.testing.assert_array_equal(model.pairs(left, right, kind), asked)
    assert not np.array_equal(model.pairs(left, tf.constant([3], tf.int64), kind), other)


def test_another_edge_of_the_same_node_is_no_negative():
    keras.utils.set_random_seed(1)
    model = LinkEncoder(np.eye(4, dtype=np.float32), [np.full((4, 1), -1)], 2, LinkConfig())
    edges = {"left": tf.constant([0, 2, 3], tf.int64), "right": tf.constant([1, 1, 0], tf.int64),
             "kind": tf.constant([0, 0, 1], tf.int64)}
    away = model(edges)["logits"].numpy() < -1e8
    # 1 is the first edge's own other end; 0 is the first edge itself; the third edge is of another type.
    np.testing.assert_array_equal(away, [[False, True, True], [True, False, True], [True, True, False]])


def test_ratings_by_counting_and_their_order():
    train = Ratings(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 3.0, 4.0], np.float32))
    # The mean is 4; book 0 gets (1 + 0) / (2 + 1) beyond it, book 1 −1 / (1 + 1), and user 0 then (2/3 − 1/2) / (2 + 1).
    guess = books.biases(train, Ratings(np.array([0, -1]), np.array([0, 1]), np.zeros(2)), prior=1.0)
    np.testing.assert_allclose(guess, [4 + 1 / 3 + (2 / 3 - 1 / 2) / 3, 3.5])
    users = np.array([7, 7, 7, 7, 7, 8])
    ratings = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 5.0])
    assert books.ndcg(users, ratings, ratings) == pytest.approx(1.0)
    assert books.ndcg(users, ratings, -ratings) < 0.9


def test_ratings_are_read_as_published(tmp_path):
    for name, value in {"warm_up": {"u": [3, 4]}, "warm_up_y": {"u": [5, 1]}}.items():
        (tmp_path / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(value).encode()))
    users, of_users, values = books.read_ratings(tmp_path, "warm_up")
    assert (users, of_users, values.tolist()) == (["u", "u"], ["3", "4"], [5.0, 1.0])


def test_of_a_user_without_a_rating_nothing_but_the_neighbours_is_known():
    keras.utils.set_random_seed(1)
    start = {kind: np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32) for kind in ("user", "book")}
    tables = {kind: [np.array([[1], [0], [-1]])] for kind in start}
    biases = {"user": np.array([0.5, 0.0, 0.0]), "book": np.array([0.25, 0.0, 0.0])}
    model = RatingEncoder(start, biases, tables, np.array([True, True, False]), 3.0, RatingConfig())
    ids = {"user": tf.constant([0, 2], tf.int64), "book": tf.constant([0, 0], tf.int64)}
    np.testing.assert_allclose(model(ids)["rating"], [3.75, 3.25], err_msg="what counting says, and nothing of the user")
    model.out.set_weights([np.ones_like(model.out.kernel), model.out.bias.numpy()])
    before = model(ids)["rating"].numpy()
    model.vectors["user"].fill(np.array([2]), np.ones((1, 4), np.float32))
    model.biases["user"].fill(np.array([0, 2]), np.array([[1.5], [1.0]], np.float32))
    after = model(ids)["rating"].numpy()
    assert after[1] == before[1] and after[0] == pytest.approx(before[0] + 1)
