"""What a model learns from a teacher's scores, the soft labels of the log."""

from __future__ import annotations

import pydantic

from zoo.config import Config, ConfigError
from zoo.data.batch import Batch, Tensors
from zoo.keras import keras, tf
from zoo.losses import listwise_divergence, rank_alignment, softened_cross_entropy
from zoo.schema import Schema


class DistillationConfig(Config):
    """How a student follows its teacher.

    Args:
        pointwise: weight of the cross entropy with the teacher's probability.
        listwise: weight of the divergence from the teacher's softmax over a request's candidates.
        alignment: weight of the pairs that the teacher's order puts into different chunks (COPR).
        chunks: of the teacher's order of a request, for `alignment`.
        temperature: by which the teacher's and the student's logits are divided, pointwise and listwise.
        outcomes: weight of the losses of outcomes; 0 learns from the teacher alone.
        alone: for so many epochs, outcomes have no weight: the first stage of two.
    """

    pointwise: float = pydantic.Field(default=1.0, ge=0)
    listwise: float = pydantic.Field(default=0.0, ge=0)
    alignment: float = pydantic.Field(default=0.0, ge=0)
    chunks: int = pydantic.Field(default=4, ge=2)
    temperature: float = pydantic.Field(default=1.0, gt=0)
    outcomes: float = pydantic.Field(default=1.0, ge=0)
    alone: float = pydantic.Field(default=0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> DistillationConfig:
        if not self.pointwise + self.listwise + self.alignment:
            raise ValueError("nothing is learned from the teacher: pointwise, listwise and alignment all weigh 0")
        if self.alone and not self.outcomes:
            raise ValueError("`alone` says for how long outcomes have no weight; with outcomes: 0 they never have any")
        return self


class StudentConfig(Config):
    """What the settings of all models have that a teacher can teach.

    Args:
        distillation: how they follow the soft labels of the log; None takes each as one more label of its task.
    """

    distillation: DistillationConfig | None = None


class Distillation(keras.layers.Layer):
    """`L = w(s)·Σ_k L_k(y) + Σ_j w_j·(a·L_point + b·L_list + c·L_rank)(p_j, z)`, p_j a soft label, z the logits it speaks of.

    `w(s)` is 0 for the steps s of the first stage, then `outcomes`. No gradient reaches the teacher: its scores are data.

    Args:
        schema: declares the soft labels, and how much each weighs.
        config: weights of the losses.

    Raises:
        ConfigError: the schema has no soft label.

    Source: Zhou et al., Rocket Launching, AAAI 2018, and Xu et al., Privileged Features Distillation, KDD 2020 (pointwise);
    Zhao et al., COPR, CIKM 2023 (`rank_alignment`).
    """

    def __init__(self, schema: Schema, config: DistillationConfig, **kwargs):
        super().__init__(**kwargs)
        self.soft, self.config = [label for label in schema.labels if label.soft], config
        if not self.soft:
            raise ConfigError(f"`distillation` says how to follow a teacher, and the schema {schema.name!r} has no soft label; "
                              "name a teacher in the run's configuration, or leave `distillation` out")
        if config.alone:
            self.steps = self.add_weight("steps", (), dtype="int64", initializer="zeros", trainable=False)
            self.steps_alone = self.add_weight("steps_alone", (), dtype="int64", initializer="zeros", trainable=False)

    def begin(self, steps_of_an_epoch: int) -> None:
        """Begins a training of epochs of so many steps."""
        self.steps.assign(0)
        self.steps_alone.assign(round(self.config.alone * steps_of_an_epoch))

    def step(self) -> None:
        """Begins a step."""
        if self.config.alone:
            self.steps.assign_add(1)

    def outcomes(self) -> tf.Tensor | float:
        """The weight of outcomes in this step."""
        return self.config.outcomes * (tf.cast(self.steps > self.steps_alone, tf.float32) if self.config.alone else 1.0)

    def call(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """A scalar: what the student is away from its teacher."""
        config, total = self.config, tf.constant(0.0)
        for label in self.soft:
            taught = tf.stop_gradient(batch.labels[label.name]), outputs[label.of or label.name], batch.weights[label.name]
            if config.pointwise:
                total += label.weight * config.pointwise * softened_cross_entropy(*taught, config.temperature)
            if config.listwise:
                total += label.weight * config.listwise * listwise_divergence(*taught, config.temperature)
            if config.alignment:
                total += label.weight * config.alignment * rank_alignment(*taught, config.chunks)
        return total
