"""Random walks along meta-paths, a block of them at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydantic

from zoo.config import Config
from zoo.graph.graph import Adjacency, Graph, GraphError
from zoo.graph.meta_path import MetaPath

ENDED = -1
BLOCK = 65_536


class WalkConfig(Config):
    """Args:
        walks: from each node of the path's first type.
        length: nodes of a walk, the first one among them; None goes once along the path.
        seed: the same one gives the same walks, however they are divided.
    """

    walks: int = pydantic.Field(default=20, ge=1)
    length: int | None = pydantic.Field(default=40, ge=2)
    seed: int = pydantic.Field(default=1, ge=0)


def walk(graph: Graph, path: MetaPath, config: WalkConfig, block: int) -> np.ndarray:
    """One block of walks: number k begins at node `k mod n` of the path's first type, which has n nodes.

    `P(v_{i+1} = x | v_i) = 1/|N(v_i)|` over the neighbours by the path's relation, or by their weights where it has some. A
    walk never leaves the path's types; where a node has no neighbour, it ends.

    Args:
        graph: to walk.
        path: whose types the walk goes through; a closed one again and again.
        config: how many and how long.
        block: which one, from 0 on; see `blocks`.

    Returns:
        `[w, length]` int32 numbers of nodes, each of the type of its place (`path.type`), `ENDED` after a walk's end.

    Raises:
        GraphError: the path is not closed, and the walk is longer than it is.

    Source: Dong et al., metapath2vec: Scalable Representation Learning for Heterogeneous Networks, KDD 2017, section 3.2.
    """
    length = length_of(path, config)
    nodes = graph.description.nodes[path.types[0]]
    first = block * BLOCK
    count = min(BLOCK, nodes * config.walks - first)
    # A block's draws come from its number alone, so it does not matter who makes it.
    draws = np.random.Generator(np.random.SFC64(np.random.SeedSequence([config.seed, block])))
    return steps(graph, path, (np.arange(first, first + count) % nodes).astype(np.int32), length, draws).T


def steps(graph: Graph, path: MetaPath, starts: np.ndarray, length: int, draws: np.random.Generator) -> np.ndarray:
    """`[length, w]` the nodes of walks from given ones, one row a step, so that a step's reads and writes lie together."""
    walks = np.full((length, len(starts)), ENDED, np.int32)
    walks[0] = starts
    for step in range(length - 1):
        walks[step + 1] = _next(graph.adjacency(path.relation(step)), walks[step], draws)
    return walks


def blocks(graph: Graph, path: MetaPath, config: WalkConfig) -> int:
    """How many blocks all walks are."""
    return -(-graph.description.nodes[path.types[0]] * config.walks // BLOCK)


def walk_blocks(graph: Graph, path: MetaPath, config: WalkConfig, shard: int = 0, shards: int = 1) -> Iterator[np.ndarray]:
    """The blocks of one shard of several, which together are all walks."""
    for block in range(shard, blocks(graph, path, config), shards):
        yield walk(graph, path, config, block)


def length_of(path: MetaPath, config: WalkConfig) -> int:
    """Nodes of a walk along a path.

    Raises:
        GraphError: the path is not closed, and the walk is longer than it is.
    """
    once = len(path.types)
    if config.length is None:
        return once
    if config.length > once and not path.closed:
        raise GraphError(f"the path {'-'.join(path.types)} ends at another type than it begins with, so a walk has {once} "
                         f"nodes at most; got length {config.length}")
    return config.length


def _next(neighbours: Adjacency, nodes: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """The next node of each walk."""
    drawn = draws.integers(0, 2**32, len(nodes), dtype=np.uint64)
    here = np.maximum(nodes, 0)
    first = neighbours.offsets[here]
    degree = np.where(nodes == ENDED, 0, neighbours.offsets[here + 1] - first)
    ended = degree == 0
    if ended.all():
        return np.full(len(nodes), ENDED, np.int32)
    if neighbours.weights is None:
        # Of 32 random bits by multiplication: no float that rounds up to the degree itself.
        place = first + ((drawn * degree.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    else:
        place = _by_weight(neighbours.weights, first, degree, drawn)
    return np.where(ended, ENDED, neighbours.targets[np.where(ended, 0, place)]).astype(np.int32, copy=False)


def _by_weight(sums: np.ndarray, first: np.ndarray, degree: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Places of the neighbours in whose part of their node's weight the draw falls, by bisection in all walks at once.

    `sums` are of float64, from 0 at each node's first neighbour: the weight up to and with each of them.
    """
    low = np.minimum(first, len(sums) - 1)
    high = np.maximum(first + degree - 1, low)
    wanted = drawn * 2.0**-32 * sums[high]
    while (searching := low < high).any():
        middle = (low + high) // 2
        found = sums[middle] > wanted
        high = np.where(searching & found, middle, high)
        low = np.where(searching & ~found, middle + 1, low)
    return low
