"""Edges of a request log: which of its columns stand together, as pairs of raw ids."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.config import Config, ConfigError, nearest
from zoo.data.catalogue import VALID_FROM
from zoo.data.columnar import lengths_of
from zoo.schema import Column, Schema

SOURCE, TARGET, WEIGHT = "source", "target", "weight"


class EdgeConfig(Config):
    """One kind of edge, between the ids of two columns.

    Args:
        source: a column as examples have it (`user_id`, `products_item`, `candidate_host`) or a key of the request; of the
            catalogue, a candidate feature that belongs to the item (`host`).
        target: another one.
        of: `log`, the requests of the training split; `catalogue`, its rows that hold from some time in it or before.
        weighted: whether walks draw neighbours by how often the two stand together.
    """

    source: str
    target: str
    of: Literal["log", "catalogue"] = "log"
    weighted: bool = False


class _Values(NamedTuple):
    """Raw ids that are no padding, `[n]`, with the request and the place (event, candidate) that each belongs to."""

    ids: pa.Array
    request: np.ndarray
    place: np.ndarray


def node_types(schema: Schema, edge: EdgeConfig, where: str) -> tuple[str, str]:
    """The types of an edge's ends: the id spaces of their columns; a key's own name.

    Args:
        schema: of the log.
        edge: between two of its columns.
        where: the setting, for messages.

    Raises:
        ConfigError: no such column, one that has no ids, or two columns whose values have nothing that pairs them.
    """
    columns = [_column(schema, edge, end, f"{where}.{name}") for name, end in ((SOURCE, edge.source), (TARGET, edge.target))]
    if edge.of == "log":
        _check_pairs(columns, edge, where)
    source, target = (name if column is None else column.space
                      for name, column in zip((edge.source, edge.target), columns, strict=True))
    return source, target


def log_pairs(batch: pa.RecordBatch, schema: Schema, edge: EdgeConfig) -> pa.Table:
    """The pairs of one kind in some requests, each once, with how often it stands there (`weight`).

    A request's single value belongs to each value of the other column; values of one event, or of one candidate, belong
    together, and where both columns have several values there, the first belongs to the first, and so on. A missing id is in
    no pair.

    Args:
        batch: raw requests as columns (`zoo.data.columnar`).
        schema: of the log.
        edge: between two columns of it.

    Returns:
        `source`, `target` (strings) and `weight`.

    Raises:
        ConfigError: two columns with several values have not as many in one place.
    """
    columns = [_column(schema, edge, end, "graph.edges") for end in (edge.source, edge.target)]
    values = [_values(batch, end, column) for end, column in zip((edge.source, edge.target), columns, strict=True)]
    source, target = values
    alone = [_alone(column) for column in columns]
    if alone[0]:
        return _counted(source.ids.take(pa.array(target.request)), target.ids)
    if alone[1]:
        return _counted(source.ids, target.ids.take(pa.array(source.request)))
    several = [column is not None and column.feature.multiple for column in columns]
    if all(several):
        if not np.array_equal(source.place, target.place):
            raise ConfigError(f"graph.edges: {edge.source} and {edge.target} have several values in one place, and not as many "
                              "of each, so that none belongs to another; name a column with one value")
        return _counted(source.ids, target.ids)
    if several[0]:
        return _counted(source.ids, target.ids.take(pa.array(source.place)))
    if several[1]:
        return _counted(source.ids.take(pa.array(target.place)), target.ids)
    return _counted(source.ids, target.ids)


def catalogue_pairs(table: pa.Table, schema: Schema, edge: EdgeConfig, until: int) -> pa.Table:
    """The pairs of one kind in the rows of a catalogue that hold from some time on or earlier.

    Args:
        table: of a `zoo.data.catalogue.Catalogue`.
        schema: of its log.
        edge: between two of its columns.
        until: seconds since 1970; rows that hold from later on are left.

    Returns:
        As `log_pairs`.
    """
    rows = table.filter(pc.less_equal(table[VALID_FROM], until))
    found: list[pa.Array] = []
    for end in (edge.source, edge.target):
        column = _column(schema, edge, end, "graph.edges")
        assert column is not None
        name = "item" if column.feature.role == "item" else column.feature.name
        found.append(rows[name].combine_chunks())
    lists = [isinstance(ids.type, pa.ListType) for ids in found]
    for place in range(2):
        if lists[place] and not lists[1 - place]:
            found[1 - place] = found[1 - place].take(pc.list_parent_indices(found[place]))
    if all(lists) and not found[0].value_lengths().equals(found[1].value_lengths()):
        raise ConfigError(f"graph.edges: {edge.source} and {edge.target} have several values in one place, and not as many of "
                          "each, so that none belongs to another; name a column with one value")
    return _counted(*(ids.flatten() if is_list else ids for ids, is_list in zip(found, lists, strict=True)))


def counted(table: pa.Table) -> pa.Table:
    """Each pair of `source` and `target` once, with the sum of its weights."""
    found = table.group_by([SOURCE, TARGET]).aggregate([(WEIGHT, "sum")])
    return pa.table({SOURCE: found[SOURCE], TARGET: found[TARGET], WEIGHT: found[f"{WEIGHT}_sum"]})


def _counted(source: Any, target: Any) -> pa.Table:
    ids = [pc.cast(one, pa.string()) for one in (source, target)]
    known = pc.and_(*(pc.not_equal(one, "") for one in ids))
    pairs = [one.filter(known) for one in ids]
    return counted(pa.table({SOURCE: pairs[0], TARGET: pairs[1], WEIGHT: pa.array(np.ones(len(pairs[0])))}))


def _column(schema: Schema, edge: EdgeConfig, name: str, where: str) -> Column | None:
    """A column by its name; None for a key of the request."""
    if edge.of == "log" and name in schema.keys:
        return None
    known = {column.name: column for column in schema.columns()} if edge.of == "log" else {
        column.feature.name: column for column in schema.item_columns()}
    if name not in known:
        which = "column" if edge.of == "log" else "column of the catalogue"
        raise ConfigError(f"{where}: the schema {schema.name!r} has no {which} {name!r}"
                          f"{nearest(name, [*known, *schema.keys]) or '; it has ' + ', '.join(known)}")
    if known[name].feature.kind != "id":
        raise ConfigError(f"{where}: the column {name!r} is a {known[name].feature.kind}, and nodes are named by ids")
    return known[name]


def _check_pairs(columns: list[Column | None], edge: EdgeConfig, where: str) -> None:
    alone = [_alone(column) for column in columns]
    together = {(column.level, column.sequence and column.sequence.name) for column in columns if column is not None}
    if not any(alone) and (len(together) > 1 or ("request", None) in together):
        raise ConfigError(f"{where}: nothing says which value of {edge.source} belongs to which of {edge.target}; an edge is "
                          "between a single value of the request and any other column, or between columns of one sequence "
                          "or of the candidates")


def _alone(column: Column | None) -> bool:
    """Whether a request has one value of it."""
    return column is None or (column.level == "request" and not column.feature.multiple)


def _values(batch: pa.RecordBatch, name: str, column: Column | None) -> _Values:
    ids, lengths = batch.column(name).flatten(), lengths_of(batch, name)
    request = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(ids))
    if column is not None and column.feature.multiple:
        place = np.repeat(np.arange(len(batch.column(column.count).flatten())), batch.column(column.count).flatten().to_numpy())
    return _Values(ids, request, place)


__all__ = ["SOURCE", "TARGET", "WEIGHT", "EdgeConfig", "catalogue_pairs", "counted", "log_pairs", "node_types"]
