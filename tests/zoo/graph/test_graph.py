"""Graphs by hand: numbers, neighbours, both directions, hubs, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zoo.graph import Edges, Graph, GraphConfig, GraphError, MetaPath, write_graph


def table(*edges: tuple, weights: list[float] | None = None) -> pa.Table:
    columns = {"source": [edge[0] for edge in edges], "target": [edge[1] for edge in edges]}
    return pa.table(columns | ({"weight": weights} if weights else {}))


def made(folder, *edges: Edges, **config) -> Graph:
    write_graph(folder, edges, GraphConfig(**config))
    return Graph(folder)


def neighbours(graph: Graph, relation: str) -> dict[str, list[str]]:
    kind = graph.relations[relation]
    adjacency, sources, targets = graph.adjacency(relation), graph.ids(kind.source), graph.ids(kind.target)
    return {source: [targets[place] for place in adjacency.targets[adjacency.offsets[i]:adjacency.offsets[i + 1]]]
            for i, source in enumerate(sources)}


def test_nodes_have_numbers_by_their_ids_and_edges_two_directions(tmp_path):
    graph = made(tmp_path, Edges("bought", "user", "item", table(("u2", "b"), ("u1", "b"), ("u1", "a"), ("u1", "b"))),
                 Edges("of", "item", "category", table(("c", "x"))))
    assert graph.description.nodes == {"category": 1, "item": 3, "user": 2}
    assert graph.ids("item") == ["a", "b", "c"]
    assert neighbours(graph, "bought") == {"u1": ["a", "b"], "u2": ["b"]}
    assert neighbours(graph, "^bought") == {"a": ["u1"], "b": ["u1", "u2"], "c": []}
    assert neighbours(graph, "of") == {"a": [], "b": [], "c": ["x"]}
    assert graph.relations["bought"].edges == 3  # one stood there twice


def test_ids_are_data(tmp_path):
    odd = ["a'b", 'c"d', "e,f", "[g]", "🛒", "", "1", "01"]
    graph = made(tmp_path, Edges("bought", "user", "item", table(*((name, f"{name};") for name in odd))))
    assert graph.ids("user") == sorted(odd)
    assert neighbours(graph, "bought") == {name: [f"{name};"] for name in odd}


def test_a_hub_keeps_its_strongest_neighbours(tmp_path):
    edges = table(("u", "a"), ("u", "b"), ("u", "b"), ("u", "c"), ("v", "a"))
    graph = made(tmp_path, Edges("bought", "user", "item", edges), max_neighbours=2)
    found = neighbours(graph, "bought")
    assert "b" in found["u"] and len(found["u"]) == 2 and found["v"] == ["a"]
    assert (graph.relations["bought"].edges, graph.relations["bought"].cut) == (3, 1)
    assert graph.relations["^bought"].cut == 0
    kept = set(found["u"]) - {"b"}
    for seed in range(20):
        graph = made(tmp_path, Edges("bought", "user", "item", edges), max_neighbours=2, seed=seed)
        kept |= set(neighbours(graph, "bought")["u"]) - {"b"}
    assert len(kept) == 2  # ties are drawn, and not the first in the alphabet


def test_weights_are_summed_up_from_each_nodes_first_neighbour_on(tmp_path):
    graph = made(tmp_path, Edges("bought", "user", "item", table(
        ("u", "a"), ("u", "b"), ("v", "b"), ("u", "a"), weights=[1.0, 2.0, 0.5, 3.0]), weighted=True))
    weights = graph.adjacency("bought").weights
    assert weights is not None
    np.testing.assert_array_equal(weights, [4.0, 6.0, 0.5])
    assert graph.adjacency("^bought").weights.tolist() == [4.0, 2.0, 2.5]  # pyright: ignore[reportOptionalMemberAccess]


def test_sorting_goes_to_disk_where_memory_is_short(tmp_path):
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 5000, 400_000), rng.integers(0, 3000, 400_000)
    edges = pa.table({"source": source.astype(str), "target": target.astype(str)})
    graph = made(tmp_path, Edges("bought", "user", "item", edges), memory_mib=64)
    adjacency, users, items = graph.adjacency("bought"), graph.ids("user"), graph.ids("item")
    found = {(users[i], items[place]) for i in range(50)
             for place in adjacency.targets[adjacency.offsets[i]:adjacency.offsets[i + 1]]}
    few = set(users[:50])
    assert found == {(s, t) for s, t in zip(source.astype(str), target.astype(str), strict=True) if s in few}


@pytest.mark.parametrize(("edges", "message"), [
    ([], "a graph needs a kind of edge at least"),
    ([Edges("of", "a", "b", table(("x", "y"))), Edges("of", "a", "b", table(("x", "y")))], "a relation has a name of its own"),
    ([Edges("^of", "a", "b", table(("x", "y")))], "a relation has a name of its own"),
    ([Edges("of", "a-b", "b", table(("x", "y")))], "the type 'a-b' is no word"),
    ([Edges("of", "a", "b", pa.table({"source": ["x"], "to": ["y"]}))], "the table has no column 'target'; it has source, to"),
    ([Edges("of", "a", "b", table(("x", "y"), weights=[0.0]))], "the edge from 'x' to 'y' weighs 0.0"),
    ([Edges("of", "a", "b", table(("x", "y"), weights=[float("nan")]))], "the edge from 'x' to 'y' weighs nan"),
])
def test_what_is_no_graph_is_told(tmp_path, edges, message):
    with pytest.raises(GraphError, match=message):
        write_graph(tmp_path, edges)
    with pytest.raises(GraphError, match="holds no graph"):
        Graph(tmp_path)


def test_a_graph_without_edges_has_no_nodes(tmp_path):
    empty = pa.table({"source": pa.array([], pa.string()), "target": pa.array([], pa.string())})
    graph = made(tmp_path, Edges("of", "item", "category", empty))
    assert graph.description.nodes == {"category": 0, "item": 0}
    assert neighbours(graph, "of") == {}


def test_meta_paths_are_read_by_the_graphs_types(tmp_path):
    bought = table(("u", "a"))
    graph = made(tmp_path, Edges("bought", "user", "item", bought), Edges("viewed", "user", "item", bought),
                 Edges("of", "item", "category", table(("a", "x"))), Edges("also", "item", "item", table(("a", "b"))))
    path = MetaPath.of("item-category-item", graph)
    assert path == (("item", "category", "item"), ("of", "^of")) and path.closed
    assert [path.type(place) for place in range(5)] == ["item", "category", "item", "category", "item"]
    assert MetaPath.of("user-(viewed)-item-(^bought)-user", graph).relations == ("viewed", "^bought")
    assert MetaPath.of("item-item", graph).relations == ("also",)
    assert not MetaPath.of("item-category", graph).closed
    for text, message in {
        "user-item": r"several relations lead from user to item; say which: user-\(bought\)-item",
        "user-itm": "has no nodes of the type 'itm'; did you mean 'item'",
        "user-category": "no relation leads from user to category",
        "user-(of)-item": "no relation 'of' leads from user to item; there is bought, viewed",
        "user": "a walk goes from a type to another one",
    }.items():
        with pytest.raises(GraphError, match=message):
            MetaPath.of(text, graph)
