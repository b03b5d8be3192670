"""The nodes at the other end of a meta-path, for each node the ones that walks from it reach."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic

from zoo import files
from zoo.config import Config
from zoo.graph.graph import Graph
from zoo.graph.meta_path import MetaPath
from zoo.graph.visits import expected_visits
from zoo.graph.walks import ENDED, WalkConfig, steps

_NODES = 4096
_WALKS = 1 << 18  # at a time
_SCHEMA = pa.schema([("id", pa.string()), ("neighbours", pa.list_(pa.string())), ("shares", pa.list_(pa.float32()))])


class NeighbourConfig(Config):
    """Args:
        neighbours: of each node, at most.
        walks: from each node along the path.
        by: which nodes are nearest: those that walks reach most often (`visits`), or those that they reach more often than
            walks from other nodes do (`lift`). By visits a hub is near everybody, by lift it is near nobody; that takes more
            walks to tell, some hundred for each node that can be reached.
        seed: of the walks; the same one gives the same neighbours, however nodes are divided.
    """

    neighbours: int = pydantic.Field(default=10, ge=1)
    walks: int = pydantic.Field(default=64, ge=1)
    by: Literal["visits", "lift"] = "visits"
    seed: int = pydantic.Field(default=1, ge=0)


class Neighbours(NamedTuple):
    """Of the nodes from number `first` on: `nodes [n, K]`, `ENDED` where there are fewer, and which share of the walks that
    came to an end ended there, `shares [n, K]`."""

    first: int
    nodes: np.ndarray
    shares: np.ndarray


def neighbour_blocks(graph: Graph, path: MetaPath, config: NeighbourConfig, shard: int = 0, shards: int = 1
                     ) -> Iterator[Neighbours]:
    """Neighbours of all nodes of the path's first type, those of one shard of several, some thousand nodes at a time.

    `lift(u | v) = P(u | v) / P(u)`: of the walks from v the share `P(u | v)` ends at u, and of those from all nodes `P(u)`.
    A walk that comes back to where it began finds no neighbour. Of neighbours that are as near, the one of the smaller number
    comes first.

    Args:
        graph: to walk.
        path: such as item-user-item: the neighbours are of its last type.
        config: how many.
    """
    total, same_type = graph.description.nodes[path.types[0]], path.types[0] == path.types[-1]
    chance = _chance(graph, path) if config.by == "lift" else None
    at_a_time = max(1, _WALKS // config.walks)
    for block in range(shard, -(-total // _NODES), shards):
        first = block * _NODES
        end = min(first + _NODES, total)
        draws = np.random.Generator(np.random.SFC64(np.random.SeedSequence([config.seed, block])))
        found = []
        for begin in range(first, end, at_a_time):
            starts = np.arange(begin, min(begin + at_a_time, end), dtype=np.int32)
            ends = steps(graph, path, np.repeat(starts, config.walks), len(path.types), draws)[-1].reshape(len(starts), -1)
            if same_type:
                ends = np.where(ends == starts[:, None], ENDED, ends)
            found.append(_nearest(ends, config.neighbours, chance))
        nodes, shares = zip(*found, strict=True)
        yield Neighbours(first, np.concatenate(nodes), np.concatenate(shares))


def write_neighbours(graph: Graph, path: MetaPath, config: NeighbourConfig, file: files.PathLike, shard: int = 0,
                     shards: int = 1) -> None:
    """Writes Parquet with the columns `id`, `neighbours` (raw ids, nearest first) and `shares`, one row a node.

    Args:
        graph: to walk.
        path: between the two types.
        config: how many.
        file: where to.
        shard: which part of the nodes, of `shards`.
        shards: how many parts there are; `joined_neighbours` makes one file of theirs.
    """
    ids, others = graph.ids(path.types[0]), np.array(graph.ids(path.types[-1]), object)
    with files.local_draft(file) as local, pq.ParquetWriter(local, _SCHEMA) as writer:
        for block in neighbour_blocks(graph, path, config, shard, shards):
            real = block.nodes != ENDED
            offsets = np.r_[0, np.cumsum(real.sum(1))].astype(np.int32)
            columns = [pa.array(ids[block.first:block.first + len(real)], pa.string()),
                       pa.ListArray.from_arrays(offsets, pa.array(others[block.nodes[real]].tolist(), pa.string())),
                       pa.ListArray.from_arrays(offsets, pa.array(block.shares[real]))]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))


def joined_neighbours(parts: Sequence[files.PathLike], file: files.PathLike) -> None:
    """Makes one file of those of all shards: the file that one shard alone would have written.

    Args:
        parts: of `write_neighbours`, in the order of their shards.
        file: where to.
    """
    with contextlib.ExitStack() as stack:
        readers = [pq.ParquetFile(stack.enter_context(files.local_copy(part))) for part in parts]
        local = stack.enter_context(files.local_draft(file))
        writer = stack.enter_context(pq.ParquetWriter(local, _SCHEMA))
        # A row group is a block, and block b is in shard b mod n.
        for turn in range(max((reader.num_row_groups for reader in readers), default=0)):
            for reader in readers:
                if turn < reader.num_row_groups:
                    writer.write_table(reader.read_row_group(turn))


def _chance(graph: Graph, path: MetaPath) -> np.ndarray:
    """`[nodes of the last type]` which share of the walks from all nodes ends at each."""
    *_, (_, mass) = expected_visits(graph, path, WalkConfig(walks=1, length=None))
    return mass / max(mass.sum(), 1e-300)


def _nearest(ends: np.ndarray, count: int, chance: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """`[n, count]` the values that stand most often in each row of `[n, w]`, by their `chance` where that is given, and their
    shares of those that are real."""
    rows, columns = ends.shape
    ordered = np.sort(ends, 1)
    starts = np.ones((rows, columns), bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    # Each run of equal values is one candidate: its row, its value and its length.
    place = np.flatnonzero(starts)
    row, value, length = place // columns, ordered.ravel()[place], np.diff(np.r_[place, rows * columns])
    real = value != ENDED
    row, value, length = row[real], value[real], length[real]
    order = np.lexsort((value, -length if chance is None else -length / chance[value], row))
    row, value, length = row[order], value[order], length[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = rank < count
    nodes, shares = np.full((rows, count), ENDED, np.int32), np.zeros((rows, count), np.float32)
    nodes[row[kept], rank[kept]] = value[kept]
    arrived = np.bincount(row, length, minlength=rows)
    shares[row[kept], rank[kept]] = length[kept] / arrived[row[kept]]
    return nodes, shares
