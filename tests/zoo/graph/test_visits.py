"""Expected visits: by hand, and what walks come to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zoo.graph import Edges, Graph, MetaPath, WalkConfig, visits, walk_blocks, write_graph
from zoo.graph.visits import expected_visits


def made(folder, *edges: tuple, weighted: bool = False) -> Graph:
    columns = dict(zip(("source", "target", "weight"), map(list, zip(*edges, strict=True)), strict=True))
    write_graph(folder, [Edges("bought", "user", "item", pa.table(columns), weighted=weighted)])
    return Graph(folder)


@pytest.mark.parametrize("together", [1, 2, 1 << 20])
def test_by_hand_with_weights_and_without(tmp_path, monkeypatch, together):
    monkeypatch.setattr(visits, "_EDGES", together)
    edges = (("u", "a", 1.0), ("u", "b", 3.0), ("v", "b", 2.0))
    graph = made(tmp_path / "plain", *(edge[:2] + (1.0,) for edge in edges))
    path, config = MetaPath.of("user-item-user", graph), WalkConfig(walks=4, length=3)
    found = list(expected_visits(graph, path, config))
    assert [kind for kind, _ in found] == ["user", "item", "user"]
    np.testing.assert_allclose(found[1][1], [2, 6])
    np.testing.assert_allclose(found[2][1], [2 + 3, 3])
    graph = made(tmp_path / "weighted", *edges, weighted=True)
    found = list(expected_visits(graph, path, config))
    np.testing.assert_allclose(found[1][1], [1, 7])
    np.testing.assert_allclose(found[2][1], [1 + 7 * 3 / 5, 7 * 2 / 5])


def test_what_ends_goes_nowhere(tmp_path):
    write_graph(tmp_path, [Edges("bought", "user", "item", pa.table({"source": ["u", "v"], "target": ["a", "b"]})),
                           Edges("of", "item", "category", pa.table({"source": ["a"], "target": ["x"]}))])
    graph = Graph(tmp_path)
    found = list(expected_visits(graph, MetaPath.of("user-item-category", graph), WalkConfig(walks=2, length=None)))
    assert [mass.tolist() for _, mass in found] == [[2, 2], [2, 2], [2]]


def test_walks_come_to_what_is_expected(tmp_path):
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 40, 300), (rng.random(300) ** 2 * 30).astype(int)
    weights = rng.exponential(1.0, 300) + 0.1
    graph = made(tmp_path, *zip(users.astype(str), items.astype(str), weights, strict=True), weighted=True)
    path, config = MetaPath.of("user-item-user", graph), WalkConfig(walks=2_000, length=5)
    walked = np.concatenate(list(walk_blocks(graph, path, config)))
    for place, (kind, mass) in enumerate(expected_visits(graph, path, config)):
        counts = np.bincount(walked[:, place], minlength=graph.description.nodes[kind])
        assert mass.sum() == pytest.approx(len(walked))
        np.testing.assert_allclose(counts, mass, atol=5 * np.sqrt(mass.max()))
