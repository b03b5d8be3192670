"""SynchronousDSSM: a dual tower and its teacher, learned at once over the same tables."""

from __future__ import annotations

from typing import Any

from zoo.data.batch import Batch
from zoo.data.parsing import smallest_inputs
from zoo.keras import tf
from zoo.layers.distillation import DistillationConfig
from zoo.layers.embeddings import Embeddings
from zoo.layers.interactions import merge_fields
from zoo.layers.masking import length_mask, masked_mean
from zoo.layers.nova import NovaConfig
from zoo.layers.statistics import ScaledStatistics
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import Tensors, split_inputs
from zoo.models.coarse.dssm import DSSM, DSSMConfig
from zoo.schema import CANDIDATE_COUNT, Label, Schema


class SynchronousDSSMConfig(DSSMConfig):
    """The student's settings are DSSM's; what stands here is of its teacher, and of what they share.

    Args:
        nova: the user's events attend to each other before they are averaged; both read it.
        distillation: how the student follows; `after: 1` lets the teacher learn alone for one epoch.
        attention: the teacher's local activation unit, between candidate and events.
        tower: the teacher's head.
        student_updates_embeddings: whether the student's losses move the tables, too.
        teacher_updates_user_attention: whether the teacher's loss moves NOVA, whose output the student then takes as it is;
            False lets the student's loss move it, and the teacher takes it as it is.
    """

    nova: NovaConfig | None = NovaConfig()
    distillation: DistillationConfig | None = DistillationConfig()
    attention: TargetAttentionConfig = TargetAttentionConfig(activation="dice")
    tower: TowerConfig = TowerConfig(activation="dice")
    student_updates_embeddings: bool = False
    teacher_updates_user_attention: bool = True


class SynchronousDSSM(DSSM):
    """A student and its teacher in one training: `L = L_s(y) + λ(s)·L_d(sg(p_t), z_s) + L_t(y)`.

    The student is `DSSM`. The teacher reads the same tables and the same attended history, and beside them what a dual tower
    can't: `z_t = MLP([user; history; Σ_t a(e_t, v_n)·e_t; v_n; counts of v_n in the history; what is known at the request])`.
    No gradient of the distillation reaches the teacher. The teacher stands in training alone: what is exported is the student.

    Source: Xu et al., Privileged Features Distillation at Taobao Recommendations, KDD 2020 (arXiv 1907.05171); the switches are
    those of the coarse ranker of Tmall's new products (2021).
    """

    Config = SynchronousDSSMConfig
    config: SynchronousDSSMConfig  # pyright: ignore[reportIncompatibleVariableOverride]  (narrower, and set once)

    def __init__(self, schema: Schema, config: SynchronousDSSMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.attention = TargetAttention(config.attention)
        self.tower = RankingTower(schema, config.tower)
        self.counting = ScaledStatistics(schema)
        known = tuple(column.feature for column in schema.columns("candidate") if column.feature.owner == "request")
        # Columns that the student never sees have tables of the teacher's own.
        self.known = Embeddings(schema.model_copy(update={"candidates": known, "request": (), "sequences": ()}),
                                config.embedding) if known else None

    @property
    def soft_labels(self) -> list[Label]:
        """What the teacher inside says, beside the soft labels of the log."""
        return super().soft_labels + [Label(name=f"synchronous_{label.name}", soft=True, of=label.name)
                                      for label in self.schema.tasks if label.kind == "binary" and not label.soft]

    def make_variables(self) -> None:
        super().make_variables()
        self._teach(smallest_inputs(self.schema), None)

    def call(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        outputs = super().call(inputs, training)
        if not training:
            return outputs
        return outputs | {f"{task}/teacher": logits for task, logits in self._teach(inputs, training).items()}

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """The student's losses, by outcomes and by what its teacher says of every candidate; and the teacher's own."""
        if f"{self.schema.tasks[0].name}/teacher" not in outputs:
            return self.task_losses(outputs, batch)
        teacher = {label.name: outputs[f"{label.name}/teacher"] for label in self.schema.tasks}
        real = length_mask(batch.inputs[CANDIDATE_COUNT], teacher[self.schema.tasks[0].name])
        labels, weights = dict(batch.labels), dict(batch.weights)
        for label in self.soft_labels:
            if label.name not in labels and label.of is not None:
                labels[label.name], weights[label.name] = tf.sigmoid(teacher[label.of]), real
        student = super().loss(outputs, Batch(batch.inputs, labels, weights, batch.marks))
        return student + self.task_losses(teacher, batch, soft=False)

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        return embedded if self.config.student_updates_embeddings else tf.stop_gradient(embedded)

    def attended(self, events: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        attended = super().attended(events, mask)
        return tf.stop_gradient(attended) if self.config.teacher_updates_user_attention else attended

    def _teach(self, inputs: Tensors, training: bool | None) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` logits of the teacher."""
        request, candidates = split_inputs(self.schema, inputs)
        behaviours = self.embeddings.behaviours(request, self.sequence)
        items = self.embeddings.candidates(candidates, self.sequence)
        parts = [merge_fields(self.embeddings.request_fields(request)),
                 self.attention(items, behaviours, training=training), items.features,
                 self.counting(request, candidates)]
        if self.nova:
            events = self.embeddings.event_fields(request, self.sequence)
            mask = length_mask(request[self.sequence.length], events)
            attended = masked_mean(super().attended(events, mask), mask)
            parts.append(attended if self.config.teacher_updates_user_attention else tf.stop_gradient(attended))
        if self.known is not None:
            parts.append(merge_fields(self.known.candidate_fields(candidates)))
        return self.tower(parts, items.mask)
