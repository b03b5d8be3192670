"""Neighbours along a meta-path, by hand and by their shares."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.graph import Edges, Graph, MetaPath, neighbours, write_graph
from zoo.graph.neighbours import NeighbourConfig, joined_neighbours, neighbour_blocks, write_neighbours


@pytest.fixture
def graph(tmp_path):
    """a and b were bought by u, b and c by v; d by w alone; e has no buyer."""
    bought = pa.table({"source": ["u", "u", "v", "v", "w"], "target": ["a", "b", "b", "c", "d"]})
    of = pa.table({"source": list("abcde"), "target": ["x"] * 5})
    write_graph(tmp_path / "graph", [Edges("bought", "user", "item", bought), Edges("of", "item", "category", of)])
    return Graph(tmp_path / "graph")


def test_neighbours_by_hand(graph, tmp_path):
    path = MetaPath.of("item-user-item", graph)
    write_neighbours(graph, path, NeighbourConfig(walks=2000), tmp_path / "found.parquet")
    rows = {row["id"]: dict(zip(row["neighbours"], row["shares"], strict=True))
            for row in pq.read_table(tmp_path / "found.parquet").to_pylist()}
    assert {name: set(found) for name, found in rows.items()} == {
        "a": {"b"}, "b": {"a", "c"}, "c": {"b"}, "d": set(), "e": set()}
    # From b half of the walks go to u and half to v; half of those come back to b, which is no neighbour of itself.
    assert rows["a"] == {"b": 1.0}
    assert rows["b"]["a"] == pytest.approx(0.5, abs=0.05)


def test_the_most_frequent_stay_the_nearest_first():
    ends = np.array([[3, 1, 3, 2, 1, 3], [-1, 5, -1, -1, -1, -1], [-1] * 6])
    nodes, shares = neighbours._nearest(ends, 2, None)
    np.testing.assert_array_equal(nodes, [[3, 1], [5, -1], [-1, -1]])
    np.testing.assert_allclose(shares, [[1 / 2, 1 / 3], [1, 0], [0, 0]])


def test_by_lift_a_hub_is_near_nobody(tmp_path):
    """Everybody bought the hub; of the others, u and v bought a and b, w and x bought c and d."""
    bought = pa.table({"source": list("uuuvvvwwwxxx"), "target": ["hub", "a", "b"] * 2 + ["hub", "c", "d"] * 2})
    write_graph(tmp_path, [Edges("bought", "user", "item", bought)])
    graph = Graph(tmp_path)
    [found] = neighbour_blocks(graph, MetaPath.of("item-user-item", graph),
                               NeighbourConfig(walks=3000, neighbours=2, by="lift"))
    ids = graph.ids("item")
    nearest = {ids[node]: [ids[other] for other in others] for node, others in enumerate(found.nodes.tolist())}
    del nearest["hub"]
    # From a as many walks end at b as at the hub; of the walks from all, twice as many end at the hub.
    np.testing.assert_allclose(found.shares[ids.index("a")], [0.5, 0.5], atol=0.05)
    assert nearest == {"a": ["b", "hub"], "b": ["a", "hub"], "c": ["d", "hub"], "d": ["c", "hub"]}


def test_chance_is_what_walks_from_all_nodes_show(graph):
    path = MetaPath.of("item-user-item", graph)
    # a: 1/2 and 1/4 of a and b; b: 1/2, 1/2, 1/2; c: 1/4, 1/2; d: 1; e has no buyer, and no walk.
    np.testing.assert_allclose(neighbours._chance(graph, path), np.array([0.75, 1.5, 0.75, 1, 0]) / 4)


def test_many_walks_are_taken_some_nodes_at_a_time(graph, monkeypatch):
    monkeypatch.setattr(neighbours, "_WALKS", 5000)
    [found] = neighbour_blocks(graph, MetaPath.of("item-user-item", graph), NeighbourConfig(walks=2500))
    assert [set(row[row >= 0].tolist()) for row in found.nodes] == [{1}, {0, 2}, {1}, set(), set()]


def test_ends_of_another_type_may_have_the_same_number(graph):
    """Item a is number 0, and so is category x."""
    [found] = neighbour_blocks(graph, MetaPath.of("item-category", graph), NeighbourConfig(walks=3, neighbours=2))
    np.testing.assert_array_equal(found.nodes, [[0, -1]] * 5)


def test_neighbours_are_the_same_however_nodes_are_divided(graph, monkeypatch):
    monkeypatch.setattr(neighbours, "_NODES", 2)
    path, config = MetaPath.of("item-user-item", graph), NeighbourConfig(walks=9)
    alone = list(neighbour_blocks(graph, path, config))
    assert [block.first for block in alone] == [0, 2, 4]
    parts = {block.first: block for shard in range(2) for block in neighbour_blocks(graph, path, config, shard, 2)}
    for block in alone:
        np.testing.assert_array_equal(parts[block.first].shares, block.shares)


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_files_of_shards_are_the_file_of_all(graph, tmp_path, monkeypatch, shards):
    monkeypatch.setattr(neighbours, "_NODES", 2)  # three blocks, so that some shards have none
    path, config = MetaPath.of("item-user-item", graph), NeighbourConfig(walks=9)
    write_neighbours(graph, path, config, tmp_path / "alone.parquet")
    parts = [tmp_path / f"{shard}.parquet" for shard in range(shards)]
    for shard, part in enumerate(parts):
        write_neighbours(graph, path, config, part, shard, shards)
    joined_neighbours(parts, tmp_path / "joined.parquet")
    alone, joined = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("alone", "joined"))
    assert joined.equals(alone) and joined["id"].to_pylist() == list("abcde")
