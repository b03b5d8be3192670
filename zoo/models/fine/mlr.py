"""MLR (LS-PLM): a piece-wise linear model, a soft mixture of logistic regressions."""

from __future__ import annotations

from typing import Any

import pydantic

from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.masking import length_mask, masked_sum
from zoo.layers.outcomes import OutcomesConfig
from zoo.layers.values import summed
from zoo.models.base import RankingModel, Tensors
from zoo.optimizers import OptimizerConfig
from zoo.schema import CANDIDATE_COUNT, Column, Schema


class MLRConfig(OutcomesConfig):
    """Args:
        regions: m, the number of linear pieces.
        scale: standard deviation of the initial weights; equal weights would keep all regions equal for ever.
    """

    regions: int = pydantic.Field(default=12, ge=1)
    scale: float = pydantic.Field(default=0.1, gt=0)


class MLR(RankingModel):
    """Mixed logistic regression: `p = Σ_i softmax_i(u_i·x) · σ(w_i·x)`, 2m weights a feature.

    The 2m weights of a feature are one row, so that the L2,1 norm can drop a feature as a whole. The optimizer
    `proximal` (`zoo.optimizers.ProximalAdagrad`) takes the step and the exact proximal operator of `λ‖Θ‖_{2,1} + β‖Θ‖_1`.

    Source: Gai et al., Learning Piece-wise Linear Models from Large Scale Data for Ad Click Prediction, 2017.
    """

    Config = MLRConfig
    optimizers = {"proximal": OptimizerConfig(name="proximal", learning_rate=0.05, l1=1e-6, l21=1e-6)}
    optimizer_group = "proximal"

    def __init__(self, schema: Schema, config: MLRConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.tasks = [label.name for label in schema.tasks]
        width = 2 * config.regions * len(self.tasks)
        ids = [column for column in schema.columns() if column.feature.kind == "id"]
        self.tables = {c.name: EmbeddingTable(schema.size(c.space), width, config.scale, self.optimizer_group,
                                              space=c.space, name=f"theta_{c.name}") for c in ids}
        self.numbers = {
            c.name: self.add_weight(f"theta_{c.name}", (c.feature.width, width),
                                    initializer=keras.initializers.RandomNormal(stddev=config.scale))
            for c in schema.columns() if c.feature.kind == "number"
        }
        self.bias = self.add_weight("bias", (width,), initializer=keras.initializers.RandomNormal(stddev=config.scale))

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        """`[R, 2m·tasks]` what the request's features add: the paper's common-feature trick."""
        total = tf.convert_to_tensor(self.bias)
        for theta in self._thetas(self.schema.columns("request"), request):
            total += theta
        for sequence in self.schema.sequences:
            mask = length_mask(request[sequence.length], request[self.schema.sequence_columns(sequence)[0].name])
            scale = tf.math.rsqrt(tf.maximum(tf.reduce_sum(mask, 1, keepdims=True), 1.0))
            for theta in self._thetas(self.schema.sequence_columns(sequence), request):
                total += masked_sum(theta, mask) * scale
        return {"common": total}

    def encode_candidates(self, candidates: Tensors) -> dict[str, tf.Tensor]:
        own = tf.add_n(self._thetas(self.schema.columns("candidate"), candidates))
        return {"own": own, "count": candidates[CANDIDATE_COUNT]}

    def score(self, request: Tensors, candidates: Tensors) -> dict[str, tf.Tensor]:
        theta = tf.expand_dims(request["common"], 1) + candidates["own"]
        logits = {}
        for task, part in zip(self.tasks, tf.split(theta, len(self.tasks), -1), strict=True):
            gate, piece = tf.split(part, 2, -1)
            # log p − log(1 − p) from log-probabilities: the mixture's logit, without leaving the log scale.
            weights = tf.nn.log_softmax(gate)
            logits[task] = (tf.reduce_logsumexp(weights + tf.math.log_sigmoid(piece), -1)
                            - tf.reduce_logsumexp(weights + tf.math.log_sigmoid(-piece), -1))
        return logits

    def _thetas(self, columns: list[Column], values: Tensors) -> list[tf.Tensor]:
        """`[..., 2m·tasks]` what each column adds; text adds nothing."""
        return [self._theta(column, values) for column in columns if column.feature.kind != "text"]

    def _theta(self, column: Column, values: Tensors) -> tf.Tensor:
        if column.feature.kind == "id":
            return summed(self.tables[column.name], column, values)
        number = values[column.name]
        number = number if column.feature.width > 1 else tf.expand_dims(number, -1)
        return tf.tensordot(number, self.numbers[column.name], 1)
