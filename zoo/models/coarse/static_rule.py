"""StaticRule: the click rate that an item had, which is what coarse ranking begins as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic

from zoo.config import Config, ConfigError
from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.layers.masking import length_mask
from zoo.models.base import RankingModel, Tensors
from zoo.models.preparation import Span, TrainingSplit
from zoo.schema import CANDIDATE_COUNT, UNKNOWN_ID, Label, Schema
from zoo.traits import Traits

# Rates are kept inside, so that an item without a click has a finite logit.
_LEAST = 1e-4


class StaticRuleConfig(Config):
    """Args:
        shrinkage: observations that the rate of the category counts for, and of the whole log that of the category.
    """

    shrinkage: float = pydantic.Field(default=20.0, gt=0)


class StaticRule(RankingModel):
    """Rates with shrinkage: `z_n = a·logit(r_n) + b`, `r = (k_item + s·r_category) / (n_item + s)`.

    k of n observations were positive in the training split, counted before the first step (`prepare`); a category's rate is
    shrunk to the log's in the same way, and stands for an item that was never observed. Nothing of the user is known. Training
    moves a and b, which calibrate and change no order.

    Source: ours; the shrinkage is empirical Bayes' with a beta prior.
    """

    Config = StaticRuleConfig
    config: StaticRuleConfig
    traits = Traits(stage="coarse", items="ahead")
    optimizers = {"dense": RankingModel.optimizers["dense"]}

    def __init__(self, schema: Schema, config: StaticRuleConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        columns = [schema.candidate(role) for role in ("item", "category")]
        # From what says most of a candidate to what says least.
        self.columns = [column for column in columns if column is not None and column.feature.owner == "item"]
        if not self.columns:
            raise ConfigError(f"StaticRule counts by items and categories, and no candidate feature of the schema "
                              f"{schema.name!r} has the role item or category, and `owner: item`")
        self.outputs = list(schema.tasks)
        shapes = {column.name: (schema.size(column.space), len(self.outputs), 2) for column in self.columns}
        self.counts = {name: self.add_weight(f"counts_{name}", shape, initializer="zeros", trainable=False)
                       for name, shape in shapes.items()}
        self.total = self.add_weight("total", (len(self.outputs), 2), initializer="zeros", trainable=False)
        self.slope = self.add_weight("slope", (len(self.outputs),), initializer="ones")
        self.bias = self.add_weight("bias", (len(self.outputs),), initializer="zeros")

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        return {"nothing": tf.zeros((tf.shape(next(iter(request.values())))[0], 1))}

    def encode_candidates(self, candidates: Tensors) -> dict[str, tf.Tensor]:
        """`[R, N, tasks]` rates, from the log's over the category's to the item's."""
        # Where nothing was counted yet, one half.
        rates = _shrunk(tf.convert_to_tensor(self.total), 1.0, tf.constant(0.5))
        for column in reversed(self.columns):
            rates = _shrunk(tf.gather(self.counts[column.name], candidates[column.name]), self.config.shrinkage, rates)
        mask = length_mask(candidates[CANDIDATE_COUNT], candidates[self.columns[0].name])
        return {"rates": rates * mask[..., tf.newaxis]}

    def score(self, request: dict[str, tf.Tensor], candidates: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        logits: dict[str, tf.Tensor] = {}
        for place, label in enumerate(self.outputs):
            rate = candidates["rates"][..., place]
            if label.kind == "binary":
                rate = tf.clip_by_value(rate, _LEAST, 1 - _LEAST)
                rate = tf.math.log(rate) - tf.math.log1p(-rate)
            logits[label.name] = self.slope[place] * rate + self.bias[place]
        return logits

    def prepare(self, split: TrainingSplit) -> Span:
        span = super().prepare(split)
        counts = {name: np.zeros(table.shape) for name, table in self.counts.items()}
        total = np.zeros(self.total.shape)
        for batch in split.batches(span):
            observed = self._observed(Batch(*batch))
            total += observed.sum((0, 1))
            for column in self.columns:
                ids = batch.inputs[column.name].numpy()
                # Of unknown items nothing is known together.
                np.add.at(counts[column.name], ids[ids > UNKNOWN_ID], observed[ids > UNKNOWN_ID])
        self.total.assign(total)
        for name, table in self.counts.items():
            table.assign(counts[name])
        return span

    def _observed(self, batch: Batch) -> np.ndarray:
        """`[R, N, tasks, 2]` what was positive, and what was observed, by their weights."""
        return np.stack([self._of_task(batch, label) for label in self.outputs], 2)

    def _of_task(self, batch: Batch, label: Label) -> np.ndarray:
        weights = batch.weights[label.name].numpy()
        if label.given is not None:  # the rate of B given A is that where A happened
            weights = weights * batch.labels[label.given].numpy()
        return np.stack([weights * batch.labels[label.name].numpy(), weights], -1)


def _shrunk(counts: tf.Tensor, shrinkage: float, prior: tf.Tensor) -> tf.Tensor:
    """`(k + s·prior) / (n + s)` of counts `[..., 2]`."""
    return (counts[..., 0] + shrinkage * prior) / (counts[..., 1] + shrinkage)
