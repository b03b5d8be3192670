"""DIN: Deep Interest Network."""

from __future__ import annotations

from typing import Any, NamedTuple

from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class DINConfig(NetworkConfig):
    """Args:
        embedding: tables.
        attention: the local activation unit.
        tower: the head.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    attention: TargetAttentionConfig = TargetAttentionConfig()
    tower: TowerConfig = TowerConfig(activation="dice")


class DINRequestState(NamedTuple):
    """`profile [R, P]` and the embedded behaviours."""

    profile: tf.Tensor
    behaviours: Behaviours


class DIN(RankingModel):
    """Deep Interest Network: what a candidate means to this user depends on which past behaviours it resembles.

    `z_n = MLP([profile; Σ_t a(e_t, v_n)·e_t; v_n])`, a the local activation unit (`TargetAttention`).

    Source: Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018.
    """

    Config = DINConfig

    def __init__(self, schema: Schema, config: DINConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = self.required_sequence("behaviours")
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.attention = TargetAttention(config.attention)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> DINRequestState:
        return DINRequestState(self.embeddings.profile(request), self.embeddings.behaviours(request, self.sequence))

    def encode_candidates(self, candidates: Tensors) -> EmbeddedCandidates:
        return self.embeddings.candidates(candidates, self.sequence)

    def score(self, request: DINRequestState, candidates: EmbeddedCandidates,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        interest = self.attention(candidates, request.behaviours)
        return self.tower([request.profile, interest, candidates.features, statistics], candidates.mask)
