"""The head of a model of several tasks: experts that they share, and a tower for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.dense import MLP
from zoo.layers.experts import ExpertGate, Experts
from zoo.schema import Schema


class MultiTaskConfig(Config):
    """Args:
        sharing: `mmoe`, a gate a task; `omoe`, one gate for all; `shared_bottom`, one expert.
        experts: how many; one for `shared_bottom`.
        expert_units: widths of each expert. A shared bottom gets the first layer of all experts together, so that both have
            about as many weights.
        tower_units: widths of each task's own layers.
        activation: after each layer.
        gate_dropout: chance that an expert is left out of a mixture in training.
    """

    sharing: Literal["mmoe", "omoe", "shared_bottom"] = "mmoe"
    experts: int = pydantic.Field(default=4, ge=1)
    expert_units: tuple[int, ...] = pydantic.Field(default=(64,), min_length=1)
    tower_units: tuple[int, ...] = pydantic.Field(default=(64,), min_length=1)
    activation: str = "prelu"
    gate_dropout: float = pydantic.Field(default=0.1, ge=0, lt=1)


class MultiTaskHead(keras.layers.Layer):
    """`f_k(x) = Σ_i softmax(W_k x)_i · expert_i(x)`, `z_k = tower_k(f_k(x))` for each task k; a shared bottom is one expert.

    Args:
        schema: whose labels are the tasks.
        config: what they share, and widths.

    Example:
        >>> MultiTaskHead(schema, MultiTaskConfig())([profile, candidates.features], candidates.mask)
        {'click': <tf.Tensor: shape=(R, N)>, 'stay': …}

    Source: Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, KDD 2018.
    """

    def __init__(self, schema: Schema, config: MultiTaskConfig, **kwargs):
        super().__init__(**kwargs)
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

    def call(self, parts: Sequence[tf.Tensor | None], mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """Parts `[R, ·]` or `[R, N, ·]` (None is none) and the candidates' mask `[R, N]` to `{task: [R, N]}`."""
        given = [part for part in parts if part is not None and part.shape[-1] != 0]
        experts = self.experts(given, mask=mask)
        logits = {}
        for task, tower in self.towers.items():
            mixed = self.gates[task](given, experts) if self.gates else experts[..., 0, :]
            logits[task] = tf.squeeze(self.logits[task](tower([mixed], mask=mask)), -1)
        return logits
