"""LR: logistic regression over ids, numbers and crosses."""

from __future__ import annotations

from typing import Any

import pydantic

from zoo.keras import tf
from zoo.layers.linear import WIDE, WideLogits
from zoo.layers.outcomes import OutcomesConfig
from zoo.models.base import Tensors
from zoo.models.encoders import ColumnModel
from zoo.schema import Schema


class LRConfig(OutcomesConfig):
    """Args:
        crosses: pairs (candidate column, request or sequence column); None for the default ones (`linear_crosses`).
        cross_buckets: rows of each cross's table.
        negative_rate: share of the negatives that the log kept; below 1, served probabilities are re-calibrated.
    """

    crosses: tuple[tuple[str, str], ...] | None = None
    cross_buckets: int = pydantic.Field(default=1 << 20, ge=1)
    negative_rate: float = pydantic.Field(default=1.0, gt=0, le=1)


class LR(ColumnModel):
    """Logistic regression: `z_n = b + Σ_j w_j·x_j` over ids, numbers and crosses, moved by FTRL-Proximal.

    Where negatives were down-sampled at rate w, served probabilities are `q = p / (p + (1 − p)/w)`.

    Source: McMahan et al., Ad Click Prediction, KDD 2013; the calibration is He et al., ADKDD 2014, section 6.3.
    """

    Config = LRConfig
    config: LRConfig
    optimizers = {"wide": WIDE}

    def __init__(self, schema: Schema, config: LRConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.wide = WideLogits(schema, config.crosses, config.cross_buckets)

    def score(self, request: Tensors, candidates: Tensors) -> dict[str, tf.Tensor]:
        return self.wide(request, candidates)

    def predictions(self, logits: Tensors) -> dict[str, tf.Tensor]:
        # On the logit scale the calibration p / (p + (1 − p)/w) is a shift by log w.
        shift = tf.math.log(self.config.negative_rate)
        kinds = {label.name: label.kind for label in self.schema.tasks}
        return super().predictions({task: value + shift if kinds[task] == "binary" else value
                                    for task, value in logits.items()})
