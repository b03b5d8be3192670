"""Walks: by the types of their path, by the graph's edges, uniform or by weight, the same however they are divided."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zoo.graph import Edges, Graph, GraphError, MetaPath, WalkConfig, walk, walk_blocks, walks, write_graph
from zoo.graph.walks import ENDED


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """300 users who bought some of 200 items, one of them nothing that has a category; the first item was bought by all."""
    folder, rng = tmp_path_factory.mktemp("graph"), np.random.default_rng(0)
    users, items = rng.integers(0, 300, 3000), rng.integers(1, 200, 3000)
    bought = pa.table({"source": [f"u{u:03d}" for u in users] + [f"u{u:03d}" for u in range(300)] + ["u999"],
                       "target": [f"i{i:03d}" for i in items] + ["i000"] * 300 + ["i999"]})
    of = pa.table({"source": [f"i{i:03d}" for i in range(200)], "target": [f"c{i % 7}" for i in range(200)]})
    write_graph(folder, [Edges("bought", "user", "item", bought), Edges("of", "item", "category", of)])
    return Graph(folder)


def has_edge(graph: Graph, relation: str, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    adjacency = graph.adjacency(relation)
    return np.array([t in adjacency.targets[adjacency.offsets[s]:adjacency.offsets[s + 1]]
                     for s, t in zip(sources, targets, strict=True)])


def test_a_walk_goes_along_edges_of_its_path_and_ends_where_there_is_none(graph):
    path = MetaPath.of("user-item-category-item-user", graph)
    found = walk(graph, path, WalkConfig(walks=2, length=11), 0)
    assert found.shape == (2 * 301, 11) and found.dtype == np.int32
    np.testing.assert_array_equal(found[:, 0], np.tile(np.arange(301), 2))
    for step in range(10):
        here, there = found[:, step], found[:, step + 1]
        goes = (here != ENDED) & (there != ENDED)
        assert has_edge(graph, path.relation(step), here[goes], there[goes]).all()
        assert (there[here == ENDED] == ENDED).all()
        assert (there[goes] < graph.description.nodes[path.type(step + 1)]).all()
    # Number 300 is u999, who bought one item without a category: the walk ends there.
    last = found[300]
    assert graph.ids("item")[last[1]] == "i999" and (last[2:] == ENDED).all()
    assert (found[:300] != ENDED).all()


def test_neighbours_are_drawn_alike(graph):
    path = MetaPath.of("user-item", graph)
    found = walk(graph, path, WalkConfig(walks=200, length=2), 0)
    adjacency = graph.adjacency("bought")
    excess, places = 0.0, 0
    for user in range(100):
        bought = adjacency.targets[adjacency.offsets[user]:adjacency.offsets[user + 1]]
        counts = np.array([(found[found[:, 0] == user, 1] == item).sum() for item in bought])
        assert counts.sum() == 200
        excess += ((counts - counts.mean()) ** 2 / counts.mean()).sum()  # chi² with len − 1 degrees of freedom
        places += len(bought) - 1
    assert abs(excess - places) < 4 * np.sqrt(2 * places)


def test_neighbours_are_drawn_by_weight(tmp_path):
    edges = pa.table({"source": ["a", "a", "a", "b"], "target": ["x", "y", "z", "x"], "weight": [1.0, 2.0, 7.0, 5.0]})
    write_graph(tmp_path, [Edges("to", "one", "other", edges, weighted=True)])
    graph = Graph(tmp_path)
    found = walk(graph, MetaPath.of("one-other", graph), WalkConfig(walks=20_000, length=2), 0)
    shares = np.bincount(found[found[:, 0] == 0, 1], minlength=3) / 20_000
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.7], atol=0.015)
    assert (found[found[:, 0] == 1, 1] == 0).all()


def test_walks_are_the_same_however_they_are_divided(graph, monkeypatch):
    monkeypatch.setattr(walks, "BLOCK", 100)
    path, config = MetaPath.of("user-item-user", graph), WalkConfig(walks=3, length=7)
    alone = list(walk_blocks(graph, path, config))
    assert [len(block) for block in alone] == [100] * 9 + [3]
    parts = [list(walk_blocks(graph, path, config, shard, 4)) for shard in range(4)]
    for number, block in enumerate(alone):
        np.testing.assert_array_equal(block, parts[number % 4][number // 4])
    np.testing.assert_array_equal(np.bincount(np.concatenate(alone)[:, 0]), np.full(301, 3))
    again = walk(graph, path, config.model_copy(update={"seed": 2}), 0)
    assert (again[:, 1] != alone[0][:, 1]).any()
    monkeypatch.setattr(walks, "BLOCK", 301)  # from every node once
    first, second, _ = walk_blocks(graph, path, config)
    assert (first[:, 0] == second[:, 0]).all() and (first != second).any(), "each block has draws of its own"


@pytest.mark.slow
def test_a_hub_of_a_million_edges_is_one_step_as_another(tmp_path):
    edges = pa.table({"source": np.r_[np.zeros(1_000_000, np.int64), 1].astype(str),
                      "target": np.r_[np.arange(1_000_000), 5].astype(str)})
    write_graph(tmp_path, [Edges("bought", "user", "item", edges)], )
    graph = Graph(tmp_path)
    assert graph.relations["bought"].edges == 100_001 and graph.relations["bought"].cut == 900_000
    found = walk(graph, MetaPath.of("user-item-user", graph), WalkConfig(walks=1000, length=3), 0)
    assert (found[:, 1:] != ENDED).all()
    assert len(np.unique(found[found[:, 0] == 0, 1])) > 900


def test_a_type_of_one_node_and_a_graph_of_none(tmp_path):
    one = pa.table({"source": ["a", "b"], "target": ["x", "x"]})
    none = pa.table({"source": pa.array([], pa.string()), "target": pa.array([], pa.string())})
    write_graph(tmp_path, [Edges("of", "item", "category", one), Edges("bought", "user", "shop", none)])
    graph = Graph(tmp_path)
    found = walk(graph, MetaPath.of("item-category-item", graph), WalkConfig(walks=50, length=5), 0)
    assert (found[:, 1] == 0).all() and set(found[:, 2]) == {0, 1}
    assert not list(walk_blocks(graph, MetaPath.of("user-shop-user", graph), WalkConfig()))


def test_an_open_path_is_walked_once(graph):
    path = MetaPath.of("user-item-category", graph)
    assert walk(graph, path, WalkConfig(length=None), 0).shape[1] == 3
    with pytest.raises(GraphError, match="so a walk has 3 nodes at most; got length 4"):
        walk(graph, path, WalkConfig(length=4), 0)
