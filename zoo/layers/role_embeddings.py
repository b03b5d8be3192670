"""Embedding tables that an entity's roles share, and tables of their own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import pydantic

from zoo.assets import Assets
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.embeddings import EmbeddingConfig, Embeddings, Tensors
from zoo.schema import Column, Schema

_DEDICATED_SCALE = 0.01


class RoleEmbeddingConfig(EmbeddingConfig):
    """Args:
        tables: of an entity that plays several roles: `shared`, one table; `dedicated`, one for each role; or `both`.
        dedicated_dim: width of a role's own vectors beside shared ones; alone they are as wide as shared ones.
        combine: of `both`: `concat`, side by side; `sum`, `W·e_shared + e_dedicated`, W a matrix of the entity.
    """

    tables: Literal["both", "shared", "dedicated"] = "both"
    dedicated_dim: int = pydantic.Field(default=16, ge=1)
    combine: Literal["concat", "sum"] = "concat"


class RoleEmbeddings(Embeddings):
    """Embeddings in which an item of the history and the same item on a shelf have something in common, and something not.

    `e = [e_shared; e_role]`, or `e = W·e_shared + e_role`. An entity is an id space that several columns share; each column is
    a role of it (item as behaviour, item on a shelf, room as behaviour, room as target), and so is being somebody's neighbour.
    What is shared may begin with given vectors; what is dedicated begins small, at N(0, 0.01²).

    Args:
        schema: a bound schema.
        config: widths, what is shared, what tables begin with.
        assets: of the model.
        neighbours: spaces whose ids are looked up as neighbours, which makes them entities.

    Raises:
        ConfigError: given vectors for a table that there is not.

    Example:
        >>> embeddings = RoleEmbeddings(schema, RoleEmbeddingConfig(dim=32), neighbours=["item"])
        >>> embeddings.neighbour("item", ids)        # [..., 48]

    Source: the live-content model of 1688's recommendation team ("shared and dedicated embeddings"), as told in 2021.
    """

    def __init__(self, schema: Schema, config: RoleEmbeddingConfig, assets: Assets | None = None,
                 neighbours: Collection[str] = (), **kwargs):
        columns = [column for column in schema.columns() if column.feature.kind == "id"]
        several = {space for space in schema.spaces if sum(column.space == space for column in columns) > 1}
        entities = several | set(neighbours)
        unshared = entities if config.tables == "dedicated" else set()
        if lost := sorted(unshared & set(config.pretrained)):
            raise ConfigError(f"model.config.embedding.pretrained.{lost[0]}: with `tables: dedicated`, no table of {lost[0]!r} "
                              "is shared, and none begins with given vectors; say `both` or `shared`")
        super().__init__(schema, config, assets, unshared, **kwargs)
        self.entities, self.sums = frozenset(entities), config.tables == "both" and config.combine == "sum"
        self.mixed = {}
        self.roles: dict[str, EmbeddingTable] = {}
        if config.tables != "shared":
            roles = [(column.name, column.space) for column in columns if column.space in entities]
            roles += [(_neighbour(space), space) for space in schema.spaces if space in neighbours]
            self.roles = {name: EmbeddingTable(schema.size(space), self._own_width(config, space), _DEDICATED_SCALE,
                                               space=space, name=f"role_{name}") for name, space in roles}
        if self.sums:
            self.mixed = {space: self.add_weight(f"mixed_{space}", (table.dim, table.dim), initializer="identity")
                          for space, table in self.spaces.items() if space in entities}

    def look_up(self, column: Column, ids: tf.Tensor) -> tf.Tensor:
        return self._of_role(column.name, column.space, ids)

    def neighbour(self, space: str, ids: tf.Tensor) -> tf.Tensor:
        """`[..., width]` of ids of a space that are neighbours."""
        return self._of_role(_neighbour(space), space, ids)

    def regularization(self, inputs: Tensors) -> tf.Tensor:
        """As of other tables; of a role's table, the rows of all ids of its space that are in the batch, in whatever role."""
        return self.row_regularization(inputs, self.spaces, self.roles.values())

    def width(self, column: Column) -> int:
        if column.feature.kind != "id" or column.space not in self.entities:
            return super().width(column)
        return self.entity_width(column.space)

    def entity_width(self, space: str) -> int:
        """Width of an entity's vectors, the same in all its roles."""
        config = self.config
        assert isinstance(config, RoleEmbeddingConfig)
        both = config.tables == "both" and config.combine == "concat"
        return config.dims.get(space, config.dim) + (config.dedicated_dim if both else 0)

    def _of_role(self, role: str, space: str, ids: tf.Tensor) -> tf.Tensor:
        own = self.roles[role](ids) if role in self.roles else None
        if space not in self.spaces:
            assert own is not None
            return own
        shared = self.spaces[space](ids)
        if own is None:
            return shared
        return tf.tensordot(shared, self.mixed[space], 1) + own if self.sums else tf.concat([shared, own], -1)

    def _own_width(self, config: RoleEmbeddingConfig, space: str) -> int:
        beside = config.tables == "both" and config.combine == "concat"
        return config.dedicated_dim if beside else config.dims.get(space, config.dim)


def _neighbour(space: str) -> str:
    return f"neighbour_{space}"
