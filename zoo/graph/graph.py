"""A typed graph on disk: the neighbours of a node are read where they lie, and never all at once."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from zoo import files
from zoo.config import Config, nearest, parse

DESCRIPTION, NODES, OFFSETS, TARGETS, WEIGHTS = "graph.json", "nodes", "offsets", "targets", "weights"


class GraphError(ValueError):
    """A graph that is not what it should be, or a walk that it does not have."""


class Relation(Config):
    """Edges of one kind, in one direction.

    Args:
        name: of it; the other direction of `bought` is `^bought`.
        source: type of the nodes that they come from.
        target: type of the nodes that they lead to.
        edges: how many there are.
        weighted: whether neighbours are drawn by weight.
        cut: edges that were left out since their node has more than `max_neighbours`.
    """

    name: str
    source: str
    target: str
    edges: int
    weighted: bool = False
    cut: int = 0


class Description(Config):
    """Args:
        nodes: how many of each type.
        relations: both directions of every kind of edge.
    """

    nodes: dict[str, int]
    relations: tuple[Relation, ...]


class Adjacency(NamedTuple):
    """The neighbours of node i are `targets[offsets[i]:offsets[i + 1]]`; `weights` are their sums from the node's first on."""

    offsets: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None


class Graph:
    """A graph that `write_graph` made. Arrays are mapped, so that a walk reads of a hub's million neighbours the one it takes.

    Args:
        path: its folder, local.

    Raises:
        GraphError: there is none, or one that was written half.

    Example:
        >>> graph = Graph("runs/live/graph")
        >>> graph.description.nodes
        {'item': 2000, 'user': 1000}
    """

    def __init__(self, path: files.PathLike):
        self.path = files.normal(path)
        described = files.join(self.path, DESCRIPTION)
        if not files.is_file(described):
            raise GraphError(f"{self.path} holds no graph: {DESCRIPTION} is missing; make one with write_graph")
        self.description = parse(Description, json.loads(files.read_text(described)), described)
        self.relations = {relation.name: relation for relation in self.description.relations}
        self._mapped: dict[str, Adjacency] = {}

    def adjacency(self, relation: str) -> Adjacency:
        """The neighbours by one relation.

        Raises:
            GraphError: there is no such relation.
        """
        if relation not in self.relations:
            raise GraphError(f"the graph in {self.path} has no relation {relation!r}{nearest(relation, self.relations)}")
        if relation not in self._mapped:
            weights = self._array(WEIGHTS, relation) if self.relations[relation].weighted else None
            self._mapped[relation] = Adjacency(self._array(OFFSETS, relation), self._array(TARGETS, relation), weights)
        return self._mapped[relation]

    def ids(self, kind: str) -> list[str]:
        """Raw ids of the nodes of a type, in the order of their numbers.

        Raises:
            GraphError: there is no such type.
        """
        self.check_type(kind)
        return _read_ids(files.join(self.path, f"{NODES}-{kind}.parquet"))

    def check_type(self, kind: str) -> None:
        """That there are nodes of a type.

        Raises:
            GraphError: there are none.
        """
        if kind not in self.description.nodes:
            raise GraphError(f"the graph in {self.path} has no nodes of the type {kind!r}"
                             f"{nearest(kind, self.description.nodes)}")


    def _array(self, kind: str, relation: str) -> np.ndarray:
        path = array_path(self.path, kind, relation)
        if not files.is_file(path):
            raise GraphError(f"{path} is missing: the graph was written half or changed; make it anew")
        return np.load(path, mmap_mode="r")


def array_path(folder: str, kind: str, relation: str) -> str:
    """Where an array of a relation lies; `^` stands in no name of a file that every system allows."""
    return files.join(folder, f"{kind}-{relation.replace('^', 'to-')}.npy")


def _read_ids(path: str) -> list[str]:
    import pyarrow.parquet as pq

    table: Any = pq.read_table(path)
    return table["id"].to_pylist()
