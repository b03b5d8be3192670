"""DMR: Deep Match to Rank."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic

from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, matched_columns
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.match_to_rank import ItemToItem, NextItemLoss, PositionalQuery, UserToItem, prefix
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class DMRConfig(NetworkConfig):
    """Args:
        embedding: tables.
        position_dim: width of the position tables.
        hidden: width of both attentions.
        output: what the output table has rows for, by role.
        output_dim: width of the user vector and the output table.
        u2i: the user-to-item network.
        i2i: the item-to-item network; without it the history is pooled by the user-to-item one only.
        position: positions as queries of attention.
        auxiliary: loss of the match network: `logistic` negative sampling (paper), sampled `softmax` (code) or `none`.
        auxiliary_weight: β.
        negatives: k, shared by a batch.
        match: also tell attention which ids of the event equal the candidate's. Ours.
        tower: the head.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    position_dim: int = pydantic.Field(default=8, ge=1)
    hidden: int = pydantic.Field(default=32, ge=1)
    output: Literal["item", "category", "brand"] = "item"
    output_dim: int = pydantic.Field(default=16, ge=1)
    u2i: bool = True
    i2i: bool = True
    position: bool = True
    auxiliary: Literal["logistic", "softmax", "none"] = "softmax"
    auxiliary_weight: float = pydantic.Field(default=0.1, gt=0)
    negatives: int = pydantic.Field(default=2000, ge=1)
    match: bool = True
    tower: TowerConfig = TowerConfig()

    @pydantic.model_validator(mode="after")
    def _something(self) -> DMRConfig:
        if not (self.u2i or self.i2i):
            raise ValueError("DMR without `u2i` and `i2i` does not look at the history; switch one of them on")
        return self


class DMRRequestState(NamedTuple):
    """`profile [R, P]`, the embedded behaviours and the user vector `[R, V]`; V is 0 without the user-to-item network."""

    profile: tf.Tensor
    behaviours: Behaviours
    user: tf.Tensor


class DMRCandidateState(NamedTuple):
    """The embedded candidates and their rows `[R, N, V]` of the output table."""

    embedded: EmbeddedCandidates
    output: tf.Tensor


class DMR(RankingModel):
    """Deep Match to Rank: how near the user is to the candidate, told to the ranker as two numbers.

    `z_n = MLP([profile; v_n; û_n; uᵀv'_n; Σ_t â_nt])` with `UserToItem` and `ItemToItem`.

    Source: Lyu et al., Deep Match to Rank Model for Personalized Click-Through Rate Prediction, AAAI 2020.
    """

    Config = DMRConfig
    config: DMRConfig

    def __init__(self, schema: Schema, config: DMRConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = self.required_sequence("behaviours")
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.i2i = ItemToItem(self._query(), config.hidden, config.match) if config.i2i else None
        self.u2i = None
        if config.u2i:
            self.field, self.column = self._output_field()
            self.output_table = EmbeddingTable(schema.size(self.column.space), config.output_dim,
                                               config.embedding.scale, space=self.column.space, name="output_table")
            self.u2i = UserToItem(self._query(), config.hidden, config.output_dim)
            self.next_item = AuxiliaryMatch(config.auxiliary, config) if config.auxiliary != "none" else None
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> DMRRequestState:
        behaviours = self.embeddings.behaviours(request, self.sequence)
        profile = self.embeddings.profile(request)
        if self.u2i is None:
            return DMRRequestState(profile, behaviours, profile[:, :0])
        user = self.u2i(behaviours.keys, behaviours.context, behaviours.mask)
        if self.next_item is not None:
            user = self.next_item(user, behaviours, behaviours.ids[..., self.field], self.u2i, self.output_table)
        return DMRRequestState(profile, behaviours, user)

    def encode_candidates(self, candidates: Tensors) -> DMRCandidateState:
        embedded = self.embeddings.candidates(candidates, self.sequence)
        output = embedded.query[..., :0] if self.u2i is None else self.output_table(candidates[self.column.name])
        return DMRCandidateState(embedded, output)

    def score(self, request: DMRRequestState, candidates: DMRCandidateState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        parts = [request.profile, candidates.embedded.features]
        if self.i2i is not None:
            interest, relevance = self.i2i(candidates.embedded, request.behaviours)
            parts += [interest, tf.expand_dims(relevance, -1)]
        if self.u2i is not None:
            parts.append(tf.matmul(candidates.output, tf.expand_dims(request.user, -1)))
        return self.tower([*parts, statistics], candidates.embedded.mask)

    def _query(self) -> PositionalQuery:
        # Each network has position tables of its own.
        return PositionalQuery(self.sequence.max_length, self.config.position_dim, self.config.position)

    def _output_field(self) -> tuple[int, Any]:
        """Where the output's id stands among the matched fields, and the candidates' column of it."""
        matched = matched_columns(self.schema, self.sequence)
        for number, (_, column) in enumerate(matched):
            if column.feature.role == self.config.output:
                return number, column
        roles = ", ".join(str(column.feature.role or column.feature.name) for _, column in matched)
        raise ConfigError(f"DMR's output table is for {self.config.output!r}, and candidates and history of the schema "
                          f"{self.schema.name!r} share only: {roles}; set model.config.output to one of these roles")


class AuxiliaryMatch(keras.layers.Layer):
    """Adds β times the next-item loss in training: the user network once more, over the history without its last event."""

    def __init__(self, kind: Literal["logistic", "softmax"], config: DMRConfig, **kwargs):
        super().__init__(**kwargs)
        self.weight = config.auxiliary_weight
        self.loss = NextItemLoss(kind, config.negatives)

    def call(self, user: tf.Tensor, behaviours: Behaviours, ids: tf.Tensor, network: UserToItem, table: EmbeddingTable,
             training: bool | None = None) -> tf.Tensor:
        """The user `[R, V]`, given back as it is."""
        if training:
            before = prefix(behaviours.mask, ids)
            earlier = network(behaviours.keys, behaviours.context, before.mask)
            self.add_loss(self.weight * self.loss(earlier, before.following, before.weight, table,
                                                  self.loss.sample(table.rows)))
        return user
