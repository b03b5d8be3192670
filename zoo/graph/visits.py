"""How often walks come to each node, without walking."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.graph.graph import Adjacency, Graph
from zoo.graph.meta_path import MetaPath
from zoo.graph.walks import WalkConfig, length_of

# Edges that are looked at together.
_EDGES = 1 << 20


def expected_visits(graph: Graph, path: MetaPath, config: WalkConfig) -> Iterator[tuple[str, np.ndarray]]:
    """Of each place of a walk its type, and how many of all walks are expected at each node of it there.

    Walks begin `walks` times at each node of the first type, and a node's share goes on to its neighbours:
    `m_{i+1}(x) = Σ_v m_i(v)·P(x | v)`. That takes `edges · length` sums, where the walks themselves take
    `nodes · walks · length` steps, and it is what they would show without their noise.

    Args:
        graph: that is walked.
        path: whose types a walk goes through.
        config: how many walks and how long.

    Yields:
        `(type, [nodes of the type])` for the first place, the second one, …

    Raises:
        GraphError: the path is not closed, and the walk is longer than it is.

    Example:
        >>> [(kind, mass.sum()) for kind, mass in expected_visits(graph, path, WalkConfig(walks=20, length=3))]
        [('user', 20000.0), ('item', 20000.0), ('user', 20000.0)]
    """
    length = length_of(path, config)
    mass = np.full(graph.description.nodes[path.types[0]], float(config.walks))
    yield path.type(0), mass
    for step in range(length - 1):
        kind = path.type(step + 1)
        mass = _passed_on(graph.adjacency(path.relation(step)), mass, graph.description.nodes[kind])
        yield kind, mass


def _passed_on(neighbours: Adjacency, mass: np.ndarray, count: int) -> np.ndarray:
    """`[count]` what the nodes' `mass` is when each has given its own to its neighbours."""
    offsets = np.asarray(neighbours.offsets)
    found, degrees = np.zeros(count), np.diff(offsets)
    each = mass / np.maximum(degrees, 1)
    for first in range(0, int(offsets[-1]), _EDGES):
        end = min(first + _EDGES, int(offsets[-1]))
        source = _sources(offsets, first, end)
        given = each[source] if neighbours.weights is None else mass[source] * _shares(neighbours, offsets, source, first, end)
        found += np.bincount(neighbours.targets[first:end], given, count)
    return found


def _sources(offsets: np.ndarray, first: int, end: int) -> np.ndarray:
    """The node of each edge from `first` to `end`."""
    begin, last = np.searchsorted(offsets, [first, end - 1], side="right") - 1
    ends = np.clip(offsets[begin:last + 2], first, end)
    return np.repeat(np.arange(begin, last + 1), np.diff(ends))


def _shares(neighbours: Adjacency, offsets: np.ndarray, source: np.ndarray, first: int, end: int) -> np.ndarray:
    """The chance of each edge from `first` to `end`: its weight over that of all edges of its source."""
    sums = neighbours.weights
    assert sums is not None
    places = np.arange(first, end)
    # Sums begin anew at each node's first edge.
    before = np.where(places == offsets[source], 0.0, sums[np.maximum(places - 1, 0)])
    return (sums[first:end] - before) / sums[offsets[source + 1] - 1]
