"""MMoE: Multi-gate Mixture-of-Experts, and shared bottom."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.keras import keras, tf
from zoo.layers.behaviours import EmbeddedCandidates
from zoo.layers.dense import MLP
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.experts import ExpertGate, Experts
from zoo.layers.statistics import present
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class MMoEConfig(NetworkConfig):
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
    sharing: Literal["mmoe", "omoe", "shared_bottom"] = "mmoe"
    experts: int = pydantic.Field(default=4, ge=1)
    expert_units: tuple[int, ...] = pydantic.Field(default=(64,), min_length=1)
    tower_units: tuple[int, ...] = pydantic.Field(default=(64,), min_length=1)
    activation: str = "prelu"
    gate_dropout: float = pydantic.Field(default=0.1, ge=0, lt=1)


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
        tasks = [label.name for label in schema.tasks]
        alone = config.sharing == "shared_bottom"
        units = (config.experts * config.expert_units[0], *config.expert_units[1:]) if alone else config.expert_units
        self.experts = Experts(1 if alone else config.experts, units, config.activation)
        self.gates = {}
        if config.sharing == "omoe":
            self.gates = dict.fromkeys(tasks, ExpertGate(config.experts, config.gate_dropout))
        elif config.sharing == "mmoe":
            self.gates = {task: ExpertGate(config.experts, config.gate_dropout) for task in tasks}
        self.towers = {task: MLP(config.tower_units, config.activation) for task in tasks}
        self.logits = {task: keras.layers.Dense(1) for task in tasks}

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        histories = [self.embeddings.pooled(request, sequence) for sequence in self.schema.sequences]
        return {"profile": tf.concat([self.embeddings.profile(request), *histories], -1)}

    def encode_candidates(self, candidates: Tensors) -> EmbeddedCandidates:
        return self.embeddings.candidates(candidates)

    def score(self, request: dict[str, tf.Tensor], candidates: EmbeddedCandidates,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        parts = present(request["profile"], candidates.features, statistics)
        experts = self.experts(parts, mask=candidates.mask)
        logits = {}
        for task, tower in self.towers.items():
            mixed = self.gates[task](parts, experts) if self.gates else experts[..., 0, :]
            logits[task] = tf.squeeze(self.logits[task](tower([mixed], mask=candidates.mask)), -1)
        return logits
