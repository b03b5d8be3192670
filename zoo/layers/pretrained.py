"""Tables that begin with given vectors."""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple

import numpy as np
import pydantic

from zoo.assets import Assets
from zoo.config import Config, ConfigError
from zoo.data.vectors import read_vectors
from zoo.keras import keras, tf
from zoo.layers.rows import fill_rows, gather_rows
from zoo.schema import FIRST_ID, Schema

LOG = logging.getLogger(__name__)


class PretrainedConfig(Config):
    """Vectors that the table of an id space begins with.

    Args:
        asset: name of the file among the model's assets: raw ids and vectors, as `zoo.data.vectors` reads them.
        mode: `free`, moved as any table; `anchored`, pulled back to where it began; `frozen`, never moved, with zeros for ids
            that have no vector: what is random there would stay so.
        anchor: anchored: λ of the pull, `λ/2 · Σ_j ‖w_j − w⁰_j‖²` over the rows in a batch.
    """

    asset: str
    mode: Literal["free", "anchored", "frozen"] = "free"
    anchor: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> PretrainedConfig:
        if (self.mode == "anchored") != (self.anchor is not None):
            raise ValueError("a table that is anchored needs `anchor`, its strength, and no other must have it")
        return self


class GivenRows(NamedTuple):
    """Rows of a table that are given: `ids [n]` and `vectors [n, D]`."""

    ids: np.ndarray
    vectors: np.ndarray


def given_rows(schema: Schema, space: str, config: PretrainedConfig, assets: Assets, dim: int) -> GivenRows:
    """The rows of a space's table that a file has vectors for; says in the log how many ids it has none for.

    Args:
        schema: a bound schema.
        space: whose table; its vocabulary is one of the assets.
        config: names the file.
        assets: of the model.
        dim: width of the table.

    Raises:
        ConfigError: a hashed space, vectors of another width, a file that knows none of the ids, or a vocabulary of another
            training.
    """
    if schema.spaces[space].kind == "hashed":
        raise ConfigError(f"the space {space!r} of the schema {schema.name!r} is hashed: several ids share a row, and none "
                          f"can have a vector of its own; make it `learned`, or leave away embedding.pretrained.{space}")
    path, vocabulary = assets.path(config.asset), assets.vocabulary(space)
    expected = schema.size(space) - FIRST_ID
    if len(vocabulary) != expected:
        raise ConfigError(f"the asset vocabulary_{space} has {len(vocabulary)} ids, and the schema {schema.name!r} was bound "
                          f"to {expected}; take both from one transformation of the data")
    vectors = read_vectors(path)
    if vectors.values.shape[1] != dim:
        raise ConfigError(f"the vectors of {path} are {vectors.values.shape[1]} wide, and the table of the space {space!r} is "
                          f"{dim}; set embedding.dims.{space} (or embedding.dim) to the width of the vectors")
    row_of = {raw: row for row, raw in enumerate(vocabulary, FIRST_ID)}
    known = [place for place, raw in enumerate(vectors.ids) if raw in row_of]
    if not known:
        raise ConfigError(f"{path} has a vector for none of the {len(vocabulary)} ids of the space {space!r}; its ids are such "
                          f"as {vectors.ids[:3]}, those of the space such as {vocabulary[:3]}")
    LOG.info("%d of the %d ids of the space %r begin with a vector of %s, the others %s", len(known), len(vocabulary), space,
             path, "are zeros" if config.mode == "frozen" else "at random")
    return GivenRows(np.array([row_of[vectors.ids[place]] for place in known]), vectors.values[known])


class Anchor(keras.layers.Layer):
    """Pulls rows back to where they began: `λ/2 · Σ_j ‖w_j − w⁰_j‖²` over the given rows among those of a batch.

    Args:
        rows: of the table.
        given: the rows that were given, w⁰; others are free.
        strength: λ.
    """

    def __init__(self, rows: int, given: GivenRows, strength: float, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength
        self.origin = self.add_weight("origin", (rows, given.vectors.shape[1]), initializer="zeros", trainable=False)
        self.held = self.add_weight("held", (rows,), initializer="zeros", trainable=False)
        fill_rows(self.origin, given.ids, given.vectors)
        self.held.scatter_nd_update(given.ids[:, None], np.ones(len(given.ids), np.float32))

    def call(self, ids: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
        """Ids `[n]`, each once, and their rows `[n, D]` to a scalar."""
        distances = tf.reduce_sum(tf.square(vectors - gather_rows(self.origin, ids)), -1)
        return 0.5 * self.strength * tf.reduce_sum(tf.gather(self.held, ids) * distances)
