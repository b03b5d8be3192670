"""Files of neighbours by raw id, as `zoo.graph.neighbours` writes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo import files
from zoo.config import ConfigError


class NeighbourLists(NamedTuple):
    """Raw `ids [n]`, and of each its neighbours' raw ids, the nearest first: those of node i are
    `neighbours[offsets[i]:offsets[i + 1]]`."""

    ids: list[str]
    offsets: np.ndarray
    neighbours: list[str]


def read_neighbours(path: str) -> NeighbourLists:
    """Reads Parquet with the columns `id` and `neighbours`.

    Raises:
        ConfigError: other columns, a null, an id that stands there twice.
    """
    import pyarrow as pa  # imported here: only models with neighbours need it
    import pyarrow.parquet as pq

    with files.local_copy(path) as local:
        table = pq.read_table(local)
    missing = {"id", "neighbours"} - set(table.column_names)
    if missing:
        raise ConfigError(f"{path}: needs the columns id and neighbours, and has {', '.join(table.column_names)}; make it with "
                          "zoo.graph.neighbours.write_neighbours")
    lists = table["neighbours"].combine_chunks()
    lists = lists if isinstance(lists, pa.Array) else pa.concat_arrays(lists.chunks)
    flat = lists.flatten()
    if table["id"].null_count or lists.null_count or flat.null_count:
        raise ConfigError(f"{path}: an id or a neighbour is missing (null); an item without neighbours has an empty list")
    ids = table["id"].cast(pa.string()).to_pylist()
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(name for name in ids if name in seen or seen.add(name))
        raise ConfigError(f"{path}: the id {twice!r} stands there twice; each has one list")
    offsets = np.r_[0, np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))].astype(np.int64)
    return NeighbourLists(ids, offsets, flat.cast(pa.string()).to_pylist())
