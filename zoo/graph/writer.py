"""Makes a graph of edge tables, sorted on disk where they don't fit into memory."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
from pyarrow import dataset

from zoo import files
from zoo.config import Config
from zoo.graph.graph import DESCRIPTION, NODES, OFFSETS, TARGETS, WEIGHTS, GraphError, Relation, array_path
from zoo.json_text import json_text

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class GraphConfig(Config):
    """Args:
        max_neighbours: of a node by a relation; of a hub with more, those of most weight stay, then those of a seeded draw.
        seed: of that draw.
        memory_mib: that sorting may take before it goes to disk.
    """

    max_neighbours: int = pydantic.Field(default=100_000, ge=1)
    seed: int = 1
    memory_mib: int = pydantic.Field(default=1024, ge=64)


@dataclass(frozen=True)
class Edges:
    """One kind of edge.

    Args:
        name: of the relation, such as `bought`; a word of letters, digits and underscores.
        source, target: types of the nodes at its ends.
        table: an Arrow table or dataset with the columns `source` and `target` (raw ids), and `weight` where it has some. An
            edge that stands there several times is one of their summed weight, or of their number. Where an end is null, it
            is none.
        weighted: whether neighbours are drawn by weight; edges without `weight` weigh as often as they stand there.
    """

    name: str
    source: str
    target: str
    table: Any
    weighted: bool = False


def write_graph(folder: files.PathLike, edges: Sequence[Edges], config: GraphConfig | None = None) -> None:
    """Writes a graph: numbers of nodes by sorted raw id, and both directions of every kind of edge.

    Args:
        folder: local; gets `graph.json`, ids by type and three arrays a direction.
        edges: every kind once.
        config: limits.

    Raises:
        GraphError: no edge at all, a name twice or one that is no word, a table without the columns, or a weight that is not
            positive.

    Example:
        >>> write_graph("graph", [Edges("bought", "user", "item", table)])
        >>> Graph("graph").relations
        {'bought': …, '^bought': …}
    """
    config, folder = config or GraphConfig(), files.normal(folder)
    _check(edges)
    files.make_dirs(folder)
    with tempfile.TemporaryDirectory(dir=folder) as room, duckdb.connect(os.path.join(room, "edges.duckdb")) as db:
        db.execute(f"SET memory_limit = '{config.memory_mib}MiB'")
        db.execute("SET preserve_insertion_order = false")
        for number, kind in enumerate(edges):
            _collect(db, number, kind)
        counts = {kind: _number_nodes(db, folder, kind, edges)
                  for kind in sorted({kind for one in edges for kind in (one.source, one.target)})}
        relations = [relation for number, kind in enumerate(edges) for relation in (
            _write(db, folder, number, kind, counts, False, config), _write(db, folder, number, kind, counts, True, config))]
    description = {"nodes": counts, "relations": [one.model_dump(mode="json") for one in relations]}
    # Last: a folder without it holds no graph.
    files.write_text(files.join(folder, DESCRIPTION), json_text(description))


def _check(edges: Sequence[Edges]) -> None:
    names = [kind.name for kind in edges]
    for kind in edges:
        if not _WORD.fullmatch(kind.name) or names.count(kind.name) > 1:
            raise GraphError(f"relation {kind.name!r}: a relation has a name of its own, of small letters, digits and "
                             "underscores")
        for of in (kind.source, kind.target):
            if not _WORD.fullmatch(of):
                raise GraphError(f"relation {kind.name!r}: the type {of!r} is no word of small letters, digits and underscores")
        for column in ("source", "target"):
            if column not in kind.table.schema.names:
                raise GraphError(f"relation {kind.name!r}: the table has no column {column!r}; it has "
                                 f"{', '.join(kind.table.schema.names)}")
    if not edges:
        raise GraphError("a graph needs a kind of edge at least, and there is none")


def _collect(db: duckdb.DuckDBPyConnection, number: int, kind: Edges) -> None:
    """The edges of a kind, each once, with its weight."""
    table: Any = kind.table
    db.register("given", table if isinstance(table, dataset.Dataset) else dataset.dataset(table))
    weight = "sum(weight)" if "weight" in table.schema.names else "count(*)"
    db.execute(f"CREATE TABLE e{number} AS SELECT source::VARCHAR AS source, target::VARCHAR AS target, "
               f"({weight})::DOUBLE AS weight FROM given WHERE source IS NOT NULL AND target IS NOT NULL GROUP BY ALL")
    db.unregister("given")
    wrong = db.execute(f"SELECT source, target, weight FROM e{number} WHERE NOT (weight > 0 AND weight < 'inf'::DOUBLE) LIMIT 1"
                       ).fetchone()
    if wrong:
        raise GraphError(f"relation {kind.name!r}: the edge from {wrong[0]!r} to {wrong[1]!r} weighs {wrong[2]}; weights are "
                         "positive and finite")


def _number_nodes(db: duckdb.DuckDBPyConnection, folder: str, kind: str, edges: Sequence[Edges]) -> int:
    """Numbers the nodes of a type, and writes their ids."""
    ends = [f"SELECT {end} AS id FROM e{number}" for number, one in enumerate(edges) for end in ("source", "target")
            if getattr(one, end) == kind]
    db.execute(f"CREATE TABLE n_{kind} AS SELECT id, (row_number() OVER (ORDER BY id) - 1)::INTEGER AS number "
               f"FROM (SELECT DISTINCT id FROM ({' UNION ALL '.join(ends)}))")
    with pq.ParquetWriter(files.join(folder, f"{NODES}-{kind}.parquet"), pa.schema([("id", pa.string())])) as writer:
        count = 0
        for batch in db.execute(f"SELECT id FROM n_{kind} ORDER BY number").to_arrow_reader(1 << 16):
            writer.write_table(pa.Table.from_batches([batch]).cast(writer.schema))
            count += batch.num_rows
    return count


def _write(db: duckdb.DuckDBPyConnection, folder: str, number: int, kind: Edges, counts: dict[str, int], turned: bool,
           config: GraphConfig) -> Relation:
    """One direction of a kind of edge, as offsets and targets."""
    name, ends = ("^" if turned else "") + kind.name, ("target", "source") if turned else ("source", "target")
    source, target = (getattr(kind, end) for end in ends)
    [total, kept] = _one(db, f"SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(least(n, {config.max_neighbours})), 0)::BIGINT "
                             f"FROM (SELECT count(*) AS n FROM e{number} GROUP BY {ends[0]})")
    # Ties of a hub's weakest neighbours are broken by a hash of the edge: the same everywhere, and no order of ids.
    cut = (f"QUALIFY row_number() OVER (PARTITION BY a.number ORDER BY e.weight DESC, "
           f"md5(concat_ws(chr(0), {config.seed}, a.id, b.id))) <= {config.max_neighbours}") if kept < total else ""
    edges = (f"SELECT a.number AS source, b.number AS target, e.weight FROM e{number} e "
             f"JOIN n_{source} a ON a.id = e.{ends[0]} JOIN n_{target} b ON b.id = e.{ends[1]} {cut}")
    sums = "sum(weight) OVER (PARTITION BY source ORDER BY target)" if kind.weighted else "weight"
    degrees = np.zeros(counts[source] + 1, np.int64)
    targets = _mapped(array_path(folder, TARGETS, name), np.int32, kept)
    weights = _mapped(array_path(folder, WEIGHTS, name), np.float64, kept) if kind.weighted else None
    first = 0
    for batch in db.execute(f"SELECT source, target, {sums} FROM ({edges}) ORDER BY source, target").to_arrow_reader(1 << 20):
        sources, found, summed = (batch.column(place).to_numpy() for place in range(3))
        part = slice(first, first := first + len(sources))
        degrees[1:] += np.bincount(sources, minlength=counts[source])
        targets[part] = found
        if weights is not None:
            weights[part] = summed
    np.save(array_path(folder, OFFSETS, name), np.cumsum(degrees))
    return Relation(name=name, source=source, target=target, edges=kept, weighted=kind.weighted, cut=total - kept)


def _one(db: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = db.execute(query).fetchone()
    assert row is not None
    return row


def _mapped(path: str, kind: type, count: int) -> np.ndarray:
    """An array in a file, which is written where it lies."""
    if not count:
        np.save(path, np.zeros(0, kind))
        return np.zeros(0, kind)
    return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=(count,))
