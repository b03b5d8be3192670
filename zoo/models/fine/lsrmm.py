"""LSRMM: DIN with long-term interests and embedded raw features."""

from __future__ import annotations

from typing import Any, NamedTuple

import pydantic

from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, matched_columns, recent
from zoo.layers.dense import SplitDense
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.long_term import CategoryAggregates, NumberEmbeddings
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema

LONG_TERM_ROLES = ("category", "brand", "shop", "time_gap", "action")


class LSRMMConfig(NetworkConfig):
    """Args:
        embedding: tables.
        attention: both local activation units.
        long_term: the long-term interest; without it, short-term interest alone (an ablation).
        gate: the gate between both; without it they only stand side by side (an ablation).
        raw: embedded raw numbers (an ablation).
        raw_dim: width of each number's vector.
        short_events: how many events are recent, where the log has no long sequence of its own.
        tower: the head.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    attention: TargetAttentionConfig = TargetAttentionConfig(activation="dice")
    long_term: bool = True
    gate: bool = True
    raw: bool = True
    raw_dim: int = pydantic.Field(default=16, ge=1)
    short_events: int = pydantic.Field(default=50, ge=1)
    tower: TowerConfig = TowerConfig(activation="dice")


class LSRMMRequestState(NamedTuple):
    """`profile [R, P]` with embedded numbers, the recent events and the long history by category."""

    profile: tf.Tensor
    short: Behaviours
    long: Behaviours


class LSRMMCandidateState(NamedTuple):
    """The candidates as they meet recent events and categories, and their embedded numbers `[R, N, F]`."""

    short: EmbeddedCandidates
    long: EmbeddedCandidates
    raw: tf.Tensor


class LSRMM(RankingModel):
    """DIN twice, over recent events and over categories of the long history, joined by a gate; numbers as vectors.

    `s = DIN(recent)`, `l = DIN(categories)`, `g = σ(W[s; l; profile; v])`, `u = g⊙s + (1−g)⊙W_l l`,
    `z_n = MLP([profile; raw; s; l; u; v_n])`.

    Source: our reading of one sentence ("long-term interest modelling and raw feature embeddings"); no paper is known.
    """

    Config = LSRMMConfig
    config: LSRMMConfig

    def __init__(self, schema: Schema, config: LSRMMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.short = self.required_sequence("behaviours")
        self.long = self.required_sequence("long_behaviours") if schema.sequence("long_behaviours") else self.short
        self.fields = [field.name for field in self.long.fields if field.role in LONG_TERM_ROLES]
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.short_attention = TargetAttention(config.attention)
        if config.long_term:
            self.aggregates = CategoryAggregates(self._category(), config.embedding.bucket_dim)
            self.long_attention = TargetAttention(config.attention)
        if config.raw:
            self.request_numbers = NumberEmbeddings(schema.columns("request"), config.raw_dim)
            self.candidate_numbers = NumberEmbeddings(schema.columns("candidate"), config.raw_dim)
        if config.long_term and config.gate:
            width = self.embeddings.behaviours_width(self.short)
            self.gate, self.to_short = SplitDense(width), keras.layers.Dense(width, use_bias=False)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> LSRMMRequestState:
        short = self.embeddings.behaviours(request, self.short)
        if self.long is self.short and self.config.short_events < self.short.max_length:
            short = recent(short, self.config.short_events)
        long = self.embeddings.behaviours(request, self.long, self.fields)
        if self.config.long_term:
            long = self.aggregates(long)
        raw = self.request_numbers(request) if self.config.raw else []
        return LSRMMRequestState(tf.concat([self.embeddings.profile(request), *raw], -1), short, long)

    def encode_candidates(self, candidates: Tensors) -> LSRMMCandidateState:
        short = self.embeddings.candidates(candidates, self.short)
        raw = self.candidate_numbers(candidates) if self.config.raw else []
        return LSRMMCandidateState(short, self.embeddings.candidates(candidates, self.long, self.fields),
                                   tf.concat([short.features[..., :0], *raw], -1))

    def score(self, request: LSRMMRequestState, candidates: LSRMMCandidateState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        short = self.short_attention(candidates.short, request.short)
        parts = [request.profile, short, candidates.short.features, candidates.raw]
        if self.config.long_term:
            long = self.long_attention(candidates.long, request.long)
            parts.append(long)
            if self.config.gate:
                seen = [part for part in (short, long, request.profile, candidates.short.query) if part.shape[-1]]
                gate = tf.sigmoid(self.gate(seen))
                parts.append(gate * short + (1 - gate) * self.to_short(long))
        return self.tower([*parts, statistics], candidates.short.mask)

    def _category(self) -> int:
        """Where the category stands among the long history's matched fields."""
        roles = [column.feature.role for _, column in matched_columns(self.schema, self.long, self.fields)]
        if "category" not in roles:
            raise ConfigError(f"LSRMM needs a field with the role 'category' in candidates and in the sequence "
                              f"{self.long.name!r} of the schema {self.schema.name!r}; declare it, or set "
                              "model.config.long_term to false")
        return roles.index("category")
