"""Graphs of nodes and edges of several types: made of edge tables, walked along meta-paths."""

from zoo.graph.graph import Graph, GraphError
from zoo.graph.meta_path import MetaPath
from zoo.graph.walks import WalkConfig, walk, walk_blocks
from zoo.graph.writer import Edges, GraphConfig, write_graph

__all__ = ["Edges", "Graph", "GraphConfig", "GraphError", "MetaPath", "WalkConfig", "walk", "walk_blocks", "write_graph"]
