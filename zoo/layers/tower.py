"""The head of a ranking model: an MLP and one logit a task."""

from __future__ import annotations

from collections.abc import Sequence

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.dense import MLP
from zoo.schema import Schema


class TowerConfig(Config):
    """Args:
        units: widths of the hidden layers.
        activation: after each hidden layer.
        dropout: share of units dropped in training.
    """

    units: tuple[int, ...] = pydantic.Field(default=(200, 80), min_length=1)
    activation: str = "prelu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


class RankingTower(keras.layers.Layer):
    """MLP over request and candidate parts, then one linear logit for each label.

    Args:
        schema: whose labels are the tasks.
        config: widths and activation.

    Example:
        >>> RankingTower(schema, TowerConfig())([profile, interest, candidates.features], candidates.mask)
        {'click': <tf.Tensor: shape=(R, N)>}
    """

    def __init__(self, schema: Schema, config: TowerConfig, **kwargs):
        super().__init__(**kwargs)
        self.tasks = [label.name for label in schema.tasks]
        self.mlp = MLP(config.units, config.activation, config.dropout)
        self.logits = keras.layers.Dense(len(self.tasks))

    def call(self, parts: Sequence[tf.Tensor | None], mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """Parts `[R, ·]` or `[R, N, ·]` (None is none) and the candidates' mask `[R, N]` to `{task: [R, N]}`."""
        parts = [part for part in parts if part is not None and part.shape[-1] != 0]
        logits = self.logits(self.mlp(parts, mask=mask))
        return {task: logits[..., i] for i, task in enumerate(self.tasks)}
