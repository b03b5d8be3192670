"""NAIS: Neural Attentive Item Similarity, and FISM."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.item_similarity import ItemSimilarity
from zoo.layers.masking import length_mask
from zoo.layers.outcomes import OutcomesConfig
from zoo.models.base import RankingModel, Tensors
from zoo.models.preparation import Span, TrainingSplit
from zoo.schema import CANDIDATE_COUNT, Schema


class NAISConfig(OutcomesConfig):
    """Args:
        dim: width of both tables.
        attention: `prod`, `concat`, or `none` for FISM.
        hidden: width of attention.
        beta: exponent of the softmax's denominator.
        alpha: FISM: exponent of the history's length.
        regularization: L2 on the rows in the batch.
        fism_epochs: epochs of a FISM whose tables NAIS begins with; 0 begins with random ones.
    """

    dim: int = pydantic.Field(default=16, ge=1)
    attention: Literal["prod", "concat", "none"] = "prod"
    hidden: int = pydantic.Field(default=16, ge=1)
    beta: float = pydantic.Field(default=0.5, ge=0, le=1)
    alpha: float = pydantic.Field(default=0.0, ge=0, le=1)
    regularization: float = pydantic.Field(default=1e-7, ge=0)
    fism_epochs: int = pydantic.Field(default=1, ge=0)


class NAIS(RankingModel):
    """Neural Attentive Item Similarity: a candidate is as good as the past items that are like it, some more than others.

    `z_n = b_n + Σ_{t: i_t ≠ i_n} a_nt · p_tᵀq_n` (`ItemSimilarity`): ids of items alone, in two tables.

    Source: He et al., NAIS: Neural Attentive Item Similarity Model for Recommendation, TKDE 2018; FISM: Kabbur et al., KDD
    2013.
    """

    Config = NAISConfig
    config: NAISConfig

    def __init__(self, schema: Schema, config: NAISConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = self.required_sequence("behaviours")
        pairs = {column.feature.role: (event, column) for event, column in matched_columns(schema, self.sequence)}
        if "item" not in pairs:
            raise ConfigError(f"NAIS needs the item in candidates and in the sequence {self.sequence.name!r} of the schema "
                              f"{schema.name!r}, over one id space; give the role `item` to both")
        self.event, self.item = pairs["item"]
        self.similarities = {
            label.name: ItemSimilarity(schema.size(self.item.space), config.dim, config.attention, config.hidden,
                                       config.beta, config.alpha, config.regularization, space=self.item.space,
                                       name=f"similarity_{label.name}")
            for label in schema.tasks
        }

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        past = request[self.event.name]
        return {"past": past, "mask": length_mask(request[self.sequence.length], past)}

    def encode_candidates(self, candidates: Tensors) -> dict[str, tf.Tensor]:
        return {"items": candidates[self.item.name], "count": candidates[CANDIDATE_COUNT]}

    def score(self, request: Tensors, candidates: Tensors) -> dict[str, tf.Tensor]:
        return {task: similarity(request["past"], request["mask"], candidates["items"])
                for task, similarity in self.similarities.items()}

    def prepare(self, split: TrainingSplit) -> Span:
        if self.config.attention != "none" and self.config.fism_epochs:
            fism = NAIS(self.schema, self.config.model_copy(update={"attention": "none"}))
            split.fit(fism, self.config.fism_epochs)
            for task, similarity in self.similarities.items():
                similarity.start_from(fism.similarities[task])
        return super().prepare(split)
