"""Neighbours along a meta-path, by id."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo.assets import Assets
from zoo.config import ConfigError
from zoo.data.neighbour_file import read_neighbours
from zoo.keras import keras, tf
from zoo.schema import FIRST_ID, PADDING_ID, Schema


class Neighbourhood(NamedTuple):
    """`ids [..., K]` of neighbours, 0 where there are fewer, and their `mask [..., K]`."""

    ids: tf.Tensor
    mask: tf.Tensor


class NeighbourTable(keras.layers.Layer):
    """`[...]` ids of one space to the `[..., K]` ids of their neighbours in another one (or the same).

    A file of raw ids, which a walk over the log's graph made ahead of time, is one of the model's assets; no graph is asked at
    the request. A node that the file does not know, and a neighbour that the log's vocabulary does not know, are left away.

    Args:
        schema: a bound schema.
        source: space of the nodes.
        target: space of their neighbours.
        asset: name of the file among the model's assets.
        count: K; further neighbours in the file are not read.
        assets: of the model, the vocabularies of both spaces among them.

    Raises:
        ConfigError: a space is hashed, or the file knows no node of the space: it is of another log.

    Example:
        >>> NeighbourTable(schema, "user", "item", "neighbours_uiu", 10, assets)(inputs["user_id"]).ids     # [R, 10]
    """

    def __init__(self, schema: Schema, source: str, target: str, asset: str, count: int, assets: Assets, **kwargs):
        super().__init__(**kwargs)
        rows = self._rows(schema, source, target, asset, count, assets)
        self.table = self.add_weight("neighbours", rows.shape, dtype="int64", initializer="zeros", trainable=False)
        self.table.assign(rows)

    def call(self, ids: tf.Tensor) -> Neighbourhood:
        known = tf.where((ids >= 0) & (ids < self.table.shape[0]), ids, tf.zeros_like(ids))
        found = tf.gather(self.table, known)
        return Neighbourhood(found, tf.cast(found != PADDING_ID, tf.float32))

    @staticmethod
    def _rows(schema: Schema, source: str, target: str, asset: str, count: int, assets: Assets) -> np.ndarray:
        """`[size of the source space, count]` ids."""
        for space in (source, target):
            if schema.spaces[space].kind == "hashed":
                raise ConfigError(f"the space {space!r} of the schema {schema.name!r} is hashed: several ids share a number, "
                                  "and none can have neighbours of its own; make it `learned`")
        path = assets.path(asset)
        lists = read_neighbours(path)
        row_of = {raw: row for row, raw in enumerate(assets.vocabulary(source), FIRST_ID)}
        number_of = {raw: number for number, raw in enumerate(assets.vocabulary(target), FIRST_ID)}
        rows = np.zeros((schema.size(source), count), np.int64)
        known = [place for place, raw in enumerate(lists.ids) if raw in row_of]
        if not known:
            raise ConfigError(f"{path} has neighbours of none of the ids of the space {source!r}; its ids are such as "
                              f"{lists.ids[:3]}, those of the space such as {list(row_of)[:3]}")
        for place in known:
            numbers = [number_of[raw] for raw in lists.neighbours[lists.offsets[place]:lists.offsets[place + 1]]
                       if raw in number_of][:count]
            rows[row_of[lists.ids[place]], :len(numbers)] = numbers
        return rows
