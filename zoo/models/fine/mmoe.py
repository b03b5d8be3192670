"""MMoE: Multi-gate Mixture-of-Experts, and shared bottom."""

from __future__ import annotations

from typing import Any

from zoo.keras import tf
from zoo.layers.behaviours import EmbeddedCandidates
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.multi_task import MultiTaskConfig, MultiTaskHead
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class MMoEConfig(NetworkConfig, MultiTaskConfig):
    """Args:
        embedding: tables.
        sharing: `mmoe`, a gate a task; `omoe`, one gate for all; `shared_bottom`, one expert.
        experts: how many; one for `shared_bottom`.
        expert_units: widths of each expert. A shared bottom gets the first layer of all experts together, so that both have
            about as many weights.
        tower_units: widths of each task's own layers.
        activation: after each layer.
        gate_dropout: chance that an expert is left out of a mixture in training.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()


class MMoE(RankingModel):
    """Multi-gate Mixture-of-Experts: tasks share experts, and each mixes them by a gate of its own.

    `f_k(x) = Σ_i softmax(W_k x)_i · expert_i(x)`, `z_k = tower_k(f_k(x))`, `x = [profile; mean(history); v_n]`. A task's loss
    counts where its label was observed, with its own weight.

    Source: Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, KDD 2018.
    """

    Config = MMoEConfig

    def __init__(self, schema: Schema, config: MMoEConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.head = MultiTaskHead(schema, config)

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        histories = [self.embeddings.pooled(request, sequence) for sequence in self.schema.sequences]
        return {"profile": tf.concat([self.embeddings.profile(request), *histories], -1)}

    def encode_candidates(self, candidates: Tensors) -> EmbeddedCandidates:
        return self.embeddings.candidates(candidates)

    def score(self, request: dict[str, tf.Tensor], candidates: EmbeddedCandidates,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return self.head([request["profile"], candidates.features, statistics], candidates.mask)
