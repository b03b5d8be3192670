"""DeepFM: a factorisation machine and a deep network over the same field vectors."""

from __future__ import annotations

from typing import Any, NamedTuple

from zoo.config import Config
from zoo.keras import tf
from zoo.layers.embeddings import EmbeddingConfig
from zoo.layers.fields import Fields
from zoo.layers.interactions import FactorizationMachine
from zoo.layers.linear import WIDE, Linear
from zoo.layers.masking import length_mask
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import RankingModel, Tensors
from zoo.schema import CANDIDATE_COUNT, Schema


class DeepFMConfig(Config):
    """Args:
        embedding: `dim` is the width of all fields.
        tower: the deep part.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    tower: TowerConfig = TowerConfig(units=(200, 80), activation="relu")


class FieldState(NamedTuple):
    """Raw `columns` for the linear part, `fields [R, (N,) F, D]`, and the candidates' `mask [R, N]` (or None)."""

    columns: dict[str, tf.Tensor]
    fields: tf.Tensor
    mask: tf.Tensor | None = None


class DeepFM(RankingModel):
    """DeepFM: `z_n = w·x + Σ_{i<j} ⟨v_i, v_j⟩ + MLP([v_1; …; v_F])`, one set of field vectors for both parts.

    Source: Guo et al., DeepFM, IJCAI 2017.
    """

    Config = DeepFMConfig
    optimizers = RankingModel.optimizers | {"wide": WIDE}

    def __init__(self, schema: Schema, config: DeepFMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.linear = Linear(schema, [], 1)
        self.fields = Fields(schema, config.embedding)
        self.machine = FactorizationMachine()
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> FieldState:
        return FieldState(dict(request), self.fields.request(request))

    def encode_candidates(self, candidates: Tensors) -> FieldState:
        fields = self.fields.candidates(candidates)
        return FieldState(dict(candidates), fields, length_mask(candidates[CANDIDATE_COUNT], fields))

    def score(self, request: FieldState, candidates: FieldState) -> dict[str, tf.Tensor]:
        shallow = self.linear(request.columns, candidates.columns) + self.machine(request.fields, candidates.fields)
        deep = self.tower([merge_fields(request.fields), merge_fields(candidates.fields)], candidates.mask)
        return {task: logit + shallow for task, logit in deep.items()}


def merge_fields(fields: tf.Tensor) -> tf.Tensor:
    """`[..., F, D]` to `[..., F·D]`."""
    return tf.reshape(fields, tf.concat([tf.shape(fields)[:-2], [fields.shape[-2] * fields.shape[-1]]], 0))
