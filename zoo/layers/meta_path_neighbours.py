"""The neighbours of a column's ids along a meta-path, embedded."""

from __future__ import annotations

from collections.abc import Mapping

import pydantic

from zoo.assets import Assets
from zoo.config import Config, ConfigError, nearest
from zoo.keras import keras, tf
from zoo.layers.hin_attention import PathNeighbours
from zoo.layers.masking import length_mask, weighted_sum
from zoo.layers.neighbour_table import Neighbourhood, NeighbourTable
from zoo.layers.role_embeddings import RoleEmbeddings
from zoo.schema import Column, Schema

Tensors = Mapping[str, tf.Tensor]


class MetaPathConfig(Config):
    """A meta-path whose neighbours a model looks up, in the asset `neighbours_<its name>`.

    Args:
        column: whose ids are the nodes: `user_id`, `candidate_host`, `products_item`, `candidate_shelf`.
        to: id space of the neighbours.
        neighbours: of each node, at most.
    """

    column: str
    to: str
    neighbours: int = pydantic.Field(default=10, ge=1)


class MetaPathNeighbours(keras.layers.Layer):
    """What stands in a column, as nodes, and their neighbours.

    Where there are several ids (the events of a history, the products of a shelf), the node is their mean, and the neighbours
    are those of all of them.

    Args:
        schema: a bound schema.
        name: of the path; `neighbours_<name>` is its asset.
        config: whose neighbours.
        embeddings: tables.
        assets: of the model.

    Raises:
        ConfigError: no such column or space, or a file of another log (`NeighbourTable`).

    Example:
        >>> MetaPathNeighbours(schema, "uiu", MetaPathConfig(column="user_id", to="user"), embeddings, assets)(request).vectors
    """

    def __init__(self, schema: Schema, name: str, config: MetaPathConfig, embeddings: RoleEmbeddings, assets: Assets, **kwargs):
        super().__init__(**kwargs)
        self.column, self.to = node_column(schema, name, config), config.to
        # The model holds the embeddings; as an attribute, each path would hold them once more.
        self._embeddings = lambda: embeddings
        self.table = NeighbourTable(schema, self.column.space, config.to, f"neighbours_{name}", config.neighbours, assets)

    def call(self, columns: Tensors) -> PathNeighbours:
        """The request's columns, or the candidates', to tensors `[R, …]` or `[R, N, …]`."""
        embeddings, column = self._embeddings(), self.column
        ids = columns[column.name]
        found, nodes = self.table(ids), embeddings.look_up(column, ids)
        vectors = embeddings.neighbour(self.to, found.ids)
        real = self._real(columns)
        if real is None:
            return PathNeighbours(nodes, vectors, found.mask)
        mean = tf.math.divide_no_nan(weighted_sum(real, nodes), tf.reduce_sum(real, -1, keepdims=True))
        shape = tf.shape(ids)
        several = tf.concat([shape[:-1], [shape[-1] * found.ids.shape[-1]]], 0)
        return PathNeighbours(mean, tf.reshape(vectors, tf.concat([several, [vectors.shape[-1]]], 0)),
                              tf.reshape(found.mask * real[..., tf.newaxis], several))

    def of_events(self, request: Tensors) -> Neighbourhood:
        """`[R, T·K]` ids of the neighbours of a history's events, and which are real."""
        ids, real = request[self.column.name], self._real(request)
        assert real is not None
        found = self.table(ids)
        shape = [tf.shape(ids)[0], -1]
        return Neighbourhood(tf.reshape(found.ids, shape), tf.reshape(found.mask * real[..., tf.newaxis], shape))

    def _real(self, columns: Tensors) -> tf.Tensor | None:
        """`[…, T]` which of several ids are no padding; None for single ones."""
        column = self.column
        if column.sequence is not None:
            return length_mask(columns[column.sequence.length], columns[column.name])
        if column.feature.multiple:
            return tf.sequence_mask(columns[column.count], tf.shape(columns[column.name])[-1], dtype=tf.float32)
        return None


def node_column(schema: Schema, name: str, config: MetaPathConfig) -> Column:
    """The column whose ids are a path's nodes.

    Raises:
        ConfigError: there is none, or it has none; or there is no space of the neighbours.
    """
    where, columns = f"model.config.paths.{name}", {column.name: column for column in schema.columns()}
    if config.column not in columns:
        raise ConfigError(f"{where}.column: the schema {schema.name!r} has no column {config.column!r}"
                          f"{nearest(config.column, columns) or '; it has ' + ', '.join(columns)}")
    column = columns[config.column]
    if column.feature.kind != "id" or (column.sequence is not None and column.feature.multiple):
        raise ConfigError(f"{where}.column: {config.column!r} has no ids that are nodes; take a column of ids, in a sequence "
                          "one with one id an event")
    spaces = {one.space for one in columns.values() if one.feature.kind == "id"}
    if config.to not in spaces:
        raise ConfigError(f"{where}.to: no column of the schema {schema.name!r} has the id space {config.to!r}"
                          f"{nearest(config.to, spaces)}")
    return column
