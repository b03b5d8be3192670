"""What a model learns from a teacher's scores, the soft labels of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pydantic

from zoo.config import Config, ConfigError
from zoo.data.batch import Batch, Tensors
from zoo.keras import keras, tf
from zoo.layers.outcomes import OutcomesConfig
from zoo.losses import listwise_divergence, ordered_pairs, rank_alignment, softened_cross_entropy
from zoo.schema import Label
from zoo.stages import StageTag


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
        stages: of candidates that came so far and no further in the cascade, what the teacher's word weighs; 1 where nothing is
            said. The log's mark of the role `stage` says how far.
        further: weight of pairs of candidates of a request of which one came further in the cascade, and should score higher.
        after: for so many epochs, what the teacher says has no weight: where both learn at once, it must learn something first.
    """

    pointwise: float = pydantic.Field(default=1.0, ge=0)
    listwise: float = pydantic.Field(default=0.0, ge=0)
    alignment: float = pydantic.Field(default=0.0, ge=0)
    chunks: int = pydantic.Field(default=4, ge=2)
    temperature: float = pydantic.Field(default=1.0, gt=0)
    outcomes: float = pydantic.Field(default=1.0, ge=0)
    stages: dict[Literal["recalled", "coarse", "fine", "exposed"], pydantic.NonNegativeFloat] = {}
    further: float = pydantic.Field(default=0.0, ge=0)
    alone: float = pydantic.Field(default=0.0, ge=0)
    after: float = pydantic.Field(default=0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> DistillationConfig:
        if not self.pointwise + self.listwise + self.alignment + self.further:
            raise ValueError("nothing is learned beside outcomes: pointwise, listwise, alignment and further all weigh 0")
        if self.alone and not self.outcomes:
            raise ValueError("`alone` says for how long outcomes have no weight; with outcomes: 0 they never have any")
        if self.alone and self.after:
            raise ValueError("either the teacher is heard alone at first (`alone`), or not at all (`after`)")
        return self


class StudentConfig(OutcomesConfig):
    """What the settings of all models have that a teacher can teach.

    Args:
        distillation: how they follow the soft labels of the log; None takes each as one more label of its task.
    """

    distillation: DistillationConfig | None = None


class Distillation(keras.layers.Layer):
    """`L = u(s)·Σ_k L_k(y) + v(s)·Σ_j w_j·(a·L_point + b·L_list + c·L_rank)(p_j, z)`, p_j a soft label, z its task's logits.

    In step s, `u` is 0 as long as the teacher is heard `alone`, then `outcomes`; `v` is 0 until the epochs of `after` are over,
    then 1. No gradient reaches the teacher.

    Args:
        soft: the soft labels, and how much each weighs.
        config: weights of the losses.
        stage: name of the mark that says how far a candidate came, where the log has one.

    Raises:
        ConfigError: there is no soft label, or no such mark, and the settings speak of it.

    Source: Zhou et al., Rocket Launching, AAAI 2018, and Xu et al., Privileged Features Distillation, KDD 2020 (pointwise);
    Zhao et al., COPR, CIKM 2023 (`rank_alignment`).
    """

    def __init__(self, soft: Sequence[Label], config: DistillationConfig, stage: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.soft, self.config, self.stage = list(soft), config, stage or ""
        if not self.soft:
            raise ConfigError("`distillation` says how to follow a teacher, and the log has no soft label; name a teacher in "
                              "the run's configuration, or leave `distillation` out")
        if stage is None and (config.stages or config.further):
            raise ConfigError("distillation.stages and distillation.further go by how far candidates came in the cascade, and "
                              "the log has no mark of the role 'stage'")
        if self.changes:
            self.steps = self.add_weight("steps", (), dtype="int64", initializer="zeros", trainable=False)
            self.first_stage = self.add_weight("first_stage", (), dtype="int64", initializer="zeros", trainable=False)

    @property
    def changes(self) -> bool:
        """Whether weights are others at first."""
        return self.config.alone + self.config.after > 0

    def begin(self, steps_of_an_epoch: int) -> None:
        """Begins a training of epochs of so many steps."""
        self.steps.assign(0)
        self.first_stage.assign(round((self.config.alone + self.config.after) * steps_of_an_epoch))

    def step(self) -> None:
        """Begins a step."""
        if self.changes:
            self.steps.assign_add(1)

    def outcomes(self) -> tf.Tensor | float:
        """The weight of outcomes in this step."""
        return self.config.outcomes * (self._second_stage() if self.config.alone else 1.0)

    def call(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """A scalar: what the student is away from its teacher."""
        config, total = self.config, tf.constant(0.0)
        for label in self.soft:
            logits = outputs[label.of or label.name]
            taught = tf.stop_gradient(batch.labels[label.name]), logits, batch.weights[label.name] * self._by_stage(batch)
            if config.pointwise:
                total += label.weight * config.pointwise * softened_cross_entropy(*taught, config.temperature)
            if config.listwise:
                total += label.weight * config.listwise * listwise_divergence(*taught, config.temperature)
            if config.alignment:
                total += label.weight * config.alignment * rank_alignment(*taught, config.chunks)
            if config.further:
                total += label.weight * config.further * ordered_pairs(batch.marks[self.stage], logits, taught[2])
        return total * self._second_stage() if config.after else total

    def _by_stage(self, batch: Batch) -> tf.Tensor | float:
        """`[R, N]` what the teacher's word weighs."""
        if not self.config.stages:
            return 1.0
        said = {StageTag[name.upper()]: weight for name, weight in self.config.stages.items()}
        weights = tf.constant([said.get(tag, 1.0) for tag in sorted(StageTag)])
        came = batch.marks[self.stage]
        return tf.gather(weights, tf.cast(tf.where(tf.math.is_nan(came), 0.0, came), tf.int32))

    def _second_stage(self) -> tf.Tensor:
        return tf.cast(self.steps > self.first_stage, tf.float32)
