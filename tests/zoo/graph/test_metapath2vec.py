"""Vectors of walks: pairs by hand, negatives of one type, communities that come apart, files that tables begin with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zoo.data.vectors import read_vectors
from zoo.graph import Edges, Graph, GraphError, MetaPath, WalkConfig, walk_blocks, write_graph
from zoo.graph import metapath2vec as module
from zoo.graph.metapath2vec import MetaPath2VecConfig, metapath2vec, window_pairs, write_vectors
from zoo.graph.skip_gram import SkipGram
from zoo.keras import keras, tf

PATHS = ("user-item-user",)


def test_pairs_of_a_window_by_hand():
    walks = np.array([[10, 20, 11, -1], [12, 21, 13, 22]])
    found = np.concatenate(list(window_pairs(walks, [0, 1, 0, 1], 2))).tolist()
    of_first = [[10, 20, 1], [10, 11, 0], [20, 10, 0], [20, 11, 0], [11, 10, 0], [11, 20, 1]]
    of_second = [[12, 21, 1], [12, 13, 0], [21, 12, 0], [21, 13, 0], [21, 22, 1], [13, 12, 0], [13, 21, 1], [13, 22, 1],
                 [22, 21, 1], [22, 13, 0]]
    assert sorted(found) == sorted(of_first + of_second)


def test_negatives_are_of_the_contexts_type_by_their_counts():
    keras.utils.set_random_seed(1)
    model = SkipGram({"item": np.array([1, 16, 0]), "user": np.array([1, 1])}, 4, negatives=5000, power=0.5)
    drawn = model.draw(tf.constant([0, 1], tf.int64)).numpy()
    # √1 and √16: one to four; what never stood on a walk is never drawn. Users have the numbers 3 and 4.
    np.testing.assert_allclose(np.bincount(drawn[0], minlength=5) / 5000, [0.2, 0.8, 0, 0, 0], atol=0.02)
    np.testing.assert_allclose(np.bincount(drawn[1], minlength=5) / 5000, [0, 0, 0, 0.5, 0.5], atol=0.03)


def test_the_loss_by_hand():
    model = SkipGram({"item": np.array([1, 1])}, 2, negatives=1)
    outputs = {"positive": tf.constant([1.0, 2.0]), "negative": tf.constant([[0.5, -1.0], [0.0, 0.0]])}
    s = lambda x: np.log1p(np.exp(x))  # noqa: E731
    assert float(model.loss(outputs, None)) == pytest.approx(  # pyright: ignore[reportArgumentType]
        (s(-1.0) + s(0.5) + s(-1.0) + s(-2.0) + 2 * s(0.0)) / 2)


def test_walks_of_all_paths_are_learned_in_turn(graph, monkeypatch):
    """60 users have 600 walks, 80 items 800; every round has a third of each path's."""
    monkeypatch.setattr(module, "BLOCK", 600)
    paths = [MetaPath.of(text, graph) for text in ("user-item-user", "item-user-item")]
    config = MetaPath2VecConfig(paths=("user-item-user", "item-user-item"), walks=WalkConfig(walks=10, length=5))
    rounds = list(module._rounds(graph, paths, config, epoch=1))
    assert [[len(part) for part in walks] for walks in rounds] == [[200, 266], [200, 267], [200, 267]]
    for number, path in enumerate(paths):
        whole = np.concatenate(list(walk_blocks(graph, path, WalkConfig(walks=10, length=5, seed=2))))
        np.testing.assert_array_equal(np.concatenate([walks[number] for walks in rounds]), whole)


def test_rows_of_blocks_are_cut_anew():
    blocks = [np.arange(6).reshape(3, 2), np.arange(6, 14).reshape(4, 2)]
    found = [rows.tolist() for rows in module._cut(iter(blocks), [0, 1, 4, 0, 2])]
    assert found == [[], [[0, 1]], [[2, 3], [4, 5], [6, 7], [8, 9]], [], [[10, 11], [12, 13]]]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """Two communities: users and items of even numbers, and of odd ones, with an edge in ten between them."""
    folder, rng = tmp_path_factory.mktemp("graph"), np.random.default_rng(0)
    users = rng.integers(0, 60, 1500)
    items = 2 * rng.integers(0, 40, 1500) + (users % 2) ^ (rng.random(1500) < 0.1)
    write_graph(folder, [Edges("bought", "user", "item", pa.table(
        {"source": [f"u{u:02d}" for u in users], "target": [f"i{i:02d}" for i in items]}))])
    return Graph(folder)


def learned(graph: Graph, **config) -> SkipGram:
    return metapath2vec(graph, MetaPath2VecConfig(**{
        "paths": PATHS, "dim": 8, "walks": WalkConfig(walks=10, length=9), "batch_size": 512, "window": 3, "epochs": 3,
        "optimizer": {"name": "lazy_adam", "learning_rate": 0.05}} | config))


@pytest.fixture(scope="module")
def model(graph):
    return learned(graph)


def test_communities_come_apart(graph, model):
    for kind in ("user", "item"):
        ids = graph.ids(kind)
        vectors = model.vectors(kind, len(ids))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        likeness, odd = vectors @ vectors.T, np.array([int(name[1:]) % 2 for name in ids])
        same = odd[:, None] == odd[None, :]
        np.fill_diagonal(same, False)
        assert likeness[same].mean() > likeness[odd[:, None] != odd[None, :]].mean() + 0.3


def test_the_same_seed_gives_the_same_vectors(graph, model):
    np.testing.assert_array_equal(learned(graph).nodes.table.numpy(), model.nodes.table.numpy())
    assert not np.array_equal(learned(graph, seed=2).nodes.table.numpy(), model.nodes.table.numpy())


def test_files_are_what_tables_begin_with(graph, model, tmp_path):
    paths = write_vectors(graph, model, tmp_path)
    found = read_vectors(paths["item"])
    assert found.ids == graph.ids("item")
    np.testing.assert_array_equal(found.values, model.vectors("item", len(found.ids)))


def test_a_graph_without_nodes_teaches_nothing(tmp_path):
    none = pa.table({"source": pa.array([], pa.string()), "target": pa.array([], pa.string())})
    write_graph(tmp_path, [Edges("bought", "user", "item", none)])
    with pytest.raises(GraphError, match="has no walk of two nodes along user-item-user"):
        learned(Graph(tmp_path))
