"""Embedding & MLP: the base model that DIN and its successors improve on."""

from __future__ import annotations

from typing import Any, Literal

from zoo.keras import tf
from zoo.layers.behaviours import EmbeddedCandidates
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.masking import masked_mean, masked_sum
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class EmbeddingMLPConfig(NetworkConfig):
    """Args:
        embedding: tables.
        tower: the head.
        pooling: of each behaviour sequence over its true length: `mean` or `sum`.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    tower: TowerConfig = TowerConfig()
    pooling: Literal["mean", "sum"] = "mean"


class EmbeddingMLP(RankingModel):
    """Embedding & MLP: the history as one pooled vector, the same for every candidate.

    `z_n = MLP([profile; pool(e_1 … e_T); v_n])`.

    Source: the base model of Zhou et al., Deep Interest Network, KDD 2018, section 4.1.
    """

    Config = EmbeddingMLPConfig

    def __init__(self, schema: Schema, config: EmbeddingMLPConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.pool = masked_mean if config.pooling == "mean" else masked_sum
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        histories = [self.embeddings.pooled(request, sequence, self.pool) for sequence in self.schema.sequences]
        return {"profile": tf.concat([self.embeddings.profile(request), *histories], -1)}

    def encode_candidates(self, candidates: Tensors) -> EmbeddedCandidates:
        return self.embeddings.candidates(candidates)

    def score(self, request: dict[str, tf.Tensor], candidates: EmbeddedCandidates,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return self.tower([request["profile"], candidates.features, statistics], candidates.mask)
