"""Encoders that several models share: columns as they are, and fields of one width."""

from __future__ import annotations

from typing import Any, NamedTuple

from zoo.keras import tf
from zoo.layers.embeddings import Embeddings, FieldEmbeddingConfig
from zoo.layers.linear import WideLogits
from zoo.layers.masking import length_mask
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import CANDIDATE_COUNT, Schema


class ColumnModel(RankingModel):
    """Base of models without embeddings: the states are the columns, and all is done when they meet."""

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        return dict(request)

    def encode_candidates(self, candidates: Tensors) -> dict[str, tf.Tensor]:
        return dict(candidates)


class FieldModelConfig(NetworkConfig):
    """Args:
        embedding: tables; all fields are `dim` wide.
        tower: the deep part.
    """

    embedding: FieldEmbeddingConfig = FieldEmbeddingConfig()
    tower: TowerConfig = TowerConfig(units=(200, 80), activation="relu")


class FieldState(NamedTuple):
    """Raw `columns` for the linear part, `fields [R, (N,) F, D]`, and the candidates' `mask [R, N]` (or None)."""

    columns: dict[str, tf.Tensor]
    fields: tf.Tensor
    mask: tf.Tensor | None = None


class FieldModel(RankingModel):
    """Base of models over fields of one width, with a linear part a task beside a deep one over all tasks."""

    def __init__(self, schema: Schema, config: FieldModelConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        # Without crosses there is little to memorise: moved as the rest of the model is.
        self.linear = WideLogits(schema, optimizer_group=None)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> FieldState:
        return FieldState(dict(request), self.embeddings.request_fields(request))

    def encode_candidates(self, candidates: Tensors) -> FieldState:
        fields = self.embeddings.candidate_fields(candidates)
        return FieldState(dict(candidates), fields, length_mask(candidates[CANDIDATE_COUNT], fields))
