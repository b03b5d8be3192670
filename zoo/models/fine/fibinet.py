"""FiBiNET: field importance by squeeze-and-excitation, interactions by bilinear products."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.config import Config
from zoo.keras import tf
from zoo.layers.embeddings import EmbeddingConfig
from zoo.layers.fields import Fields, all_fields
from zoo.layers.interactions import BilinearInteraction, HadamardInteraction, SqueezeExcitation
from zoo.layers.linear import WIDE, Linear
from zoo.layers.masking import length_mask
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import RankingModel, Tensors
from zoo.models.fine.deepfm import FieldState, merge_fields
from zoo.schema import CANDIDATE_COUNT, Schema


class FiBiNETConfig(Config):
    """Args:
        embedding: `dim` is the width of all fields.
        tower: the deep part.
        bilinear: kernels: `all` share one, `each` left field has one, or each `interaction`.
        combination: Hadamard (0) or bilinear (1) on the plain and on the re-weighted fields; deep models prefer `01`.
        reduction: r of the squeeze-and-excitation network.
        gate: its last activation; `relu` is the paper's.
    """

    embedding: EmbeddingConfig = EmbeddingConfig(dim=10)
    tower: TowerConfig = TowerConfig(units=(200, 80), activation="relu")
    bilinear: Literal["all", "each", "interaction"] = "each"
    combination: Literal["00", "01", "10", "11"] = "01"
    reduction: int = pydantic.Field(3, ge=1)
    gate: Literal["relu", "sigmoid"] = "relu"


class FiBiNET(RankingModel):
    """Feature importance and bilinear interactions: `z_n = w·x + MLP([p; q])`.

    p are pair-wise products of the fields, q of the fields re-weighted by SENET; each Hadamard or bilinear.

    Source: Huang et al., FiBiNET, RecSys 2019.
    """

    Config = FiBiNETConfig
    optimizers = RankingModel.optimizers | {"wide": WIDE}

    def __init__(self, schema: Schema, config: FiBiNETConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.linear = Linear(schema, [], 1)
        self.fields = Fields(schema, config.embedding)
        self.senet = SqueezeExcitation(config.reduction, config.gate)
        self.products = [BilinearInteraction(config.bilinear) if code == "1" else HadamardInteraction()
                         for code in config.combination]
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> FieldState:
        return FieldState(dict(request), self.fields.request(request))

    def encode_candidates(self, candidates: Tensors) -> FieldState:
        fields = self.fields.candidates(candidates)
        return FieldState(dict(candidates), fields, length_mask(candidates[CANDIDATE_COUNT], fields))

    def score(self, request: FieldState, candidates: FieldState) -> dict[str, tf.Tensor]:
        fields = all_fields(request.fields, candidates.fields)
        products = [self.products[0](fields), self.products[1](self.senet(fields))]
        deep = self.tower([merge_fields(product) for product in products], candidates.mask)
        linear = self.linear(request.columns, candidates.columns)
        return {task: logit + linear for task, logit in deep.items()}
