"""Graphs as they come, learned from and looked up: a type of one node, no edge at all, files of other ids."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.toy import toy_schema
from zoo.assets import Assets
from zoo.config import ConfigError
from zoo.data.neighbour_file import read_neighbours
from zoo.data.vectors import read_vectors
from zoo.graph import Edges, Graph, GraphError, MetaPath, WalkConfig, walk_blocks, write_graph
from zoo.graph.metapath2vec import metapath2vec, write_vectors
from zoo.graph.metapath2vec_config import MetaPath2VecConfig
from zoo.graph.neighbours import NeighbourConfig, write_neighbours
from zoo.layers.neighbour_table import NeighbourTable
from zoo.layers.pretrained import PretrainedConfig, given_rows

NO_EDGE = pa.table({"source": pa.array([], pa.string()), "target": pa.array([], pa.string())})


@pytest.fixture(scope="module")
def one_category(tmp_path_factory):
    """Every item is of the one category; two users."""
    folder = tmp_path_factory.mktemp("one")
    write_graph(folder, [Edges("of", "item", "category", pa.table({"source": list("abc"), "target": ["x"] * 3})),
                         Edges("bought", "user", "item", pa.table({"source": ["u", "v"], "target": ["a", "b"]}))])
    return Graph(folder)


def test_a_type_of_one_node_is_learned_and_has_no_neighbour(one_category, tmp_path):
    model = metapath2vec(one_category, MetaPath2VecConfig(
        paths=("category-item-category",), dim=2, walks=WalkConfig(walks=2, length=5), batch_size=16))
    assert np.isfinite(model.nodes.table.numpy()).all()
    path = MetaPath.of("category-item-category", one_category)
    write_neighbours(one_category, path, NeighbourConfig(), tmp_path / "n.parquet")
    found = read_neighbours(str(tmp_path / "n.parquet"))
    assert (found.ids, found.neighbours) == (["x"], []), "a node is no neighbour of itself"


def test_a_graph_without_edges_has_no_walk_and_no_neighbours(tmp_path):
    write_graph(tmp_path / "graph", [Edges("of", "item", "category", NO_EDGE)])
    graph = Graph(tmp_path / "graph")
    path = MetaPath.of("item-category-item", graph)
    assert list(walk_blocks(graph, path, WalkConfig())) == []
    with pytest.raises(GraphError, match="has no walk of two nodes along item-category-item: there is nothing to learn from"):
        metapath2vec(graph, MetaPath2VecConfig(paths=("item-category-item",)))
    write_neighbours(graph, path, NeighbourConfig(), tmp_path / "neighbours.parquet")
    assert read_neighbours(str(tmp_path / "neighbours.parquet")).ids == []
    (tmp_path / "vocabulary_item").write_text("a\n")
    assets = Assets({"neighbours_ici": tmp_path / "neighbours.parquet", "vocabulary_item": tmp_path / "vocabulary_item"})
    schema = toy_schema().bind({"item": 1, "category": 1})
    with pytest.raises(ConfigError, match=r"neighbours\.parquet has neighbours of none of the ids of the space 'item'"):
        NeighbourTable(schema, "item", "item", "neighbours_ici", 3, assets)


def test_vectors_of_another_graph_are_told(one_category, tmp_path):
    model = metapath2vec(one_category, MetaPath2VecConfig(
        paths=("item-category-item",), dim=2, walks=WalkConfig(walks=1, length=3), batch_size=16))
    paths = write_vectors(one_category, model, tmp_path)
    assert read_vectors(paths["item"]).ids == list("abc")
    (tmp_path / "vocabulary_item").write_text("i1\ni2\n")
    assets = Assets({"vectors_item": paths["item"], "vocabulary_item": tmp_path / "vocabulary_item"})
    with pytest.raises(ConfigError, match="has a vector for none of the 2 ids of the space 'item'; its ids are such as"):
        given_rows(toy_schema().bind({"item": 2, "category": 1}), "item", PretrainedConfig(asset="vectors_item"), assets, 2)
