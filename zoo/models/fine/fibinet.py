"""FiBiNET: field importance by squeeze-and-excitation, interactions by bilinear products."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.keras import tf
from zoo.layers.embeddings import FieldEmbeddingConfig
from zoo.layers.interactions import (
    BilinearInteraction,
    HadamardInteraction,
    SqueezeExcitation,
    join_fields,
    merge_fields,
)
from zoo.models.encoders import FieldModel, FieldModelConfig, FieldState
from zoo.schema import Schema


class FiBiNETConfig(FieldModelConfig):
    """Args:
        embedding: tables; all fields are `dim` wide.
        tower: the deep part.
        bilinear: kernels: `all` share one, `each` left field has one, or each `interaction`.
        combination: Hadamard (0) or bilinear (1) on the plain and on the re-weighted fields; deep models prefer `01`.
        reduction: r of the squeeze-and-excitation network.
        gate: its last activation; `relu` is the paper's.
    """

    embedding: FieldEmbeddingConfig = FieldEmbeddingConfig(dim=10)
    bilinear: Literal["all", "each", "interaction"] = "each"
    combination: Literal["00", "01", "10", "11"] = "01"
    reduction: int = pydantic.Field(default=3, ge=1)
    gate: Literal["relu", "sigmoid"] = "relu"


class FiBiNET(FieldModel):
    """Feature importance and bilinear interactions: `z_n = w·x + MLP([p; q])`.

    p are pair-wise products of the fields, q of the fields re-weighted by SENET; each Hadamard or bilinear. Of several tasks,
    each has a w of its own.

    Source: Huang et al., FiBiNET, RecSys 2019.
    """

    Config = FiBiNETConfig

    def __init__(self, schema: Schema, config: FiBiNETConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.senet = SqueezeExcitation(config.reduction, config.gate)
        self.products = [BilinearInteraction(config.bilinear) if code == "1" else HadamardInteraction()
                         for code in config.combination]

    def score(self, request: FieldState, candidates: FieldState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        fields = join_fields(request.fields, candidates.fields)
        products = [self.products[0](fields), self.products[1](self.senet(fields))]
        deep = self.tower([*map(merge_fields, products), statistics], candidates.mask)
        linear = self.linear(request.columns, candidates.columns)
        return {task: linear[task] + logit for task, logit in deep.items()}
