"""DeepFM: a factorisation machine and a deep network over the same field vectors."""

from __future__ import annotations

from typing import Any

from zoo.keras import tf
from zoo.layers.interactions import FactorizationMachine, merge_fields
from zoo.models.encoders import FieldModel, FieldModelConfig, FieldState
from zoo.schema import Schema


class DeepFMConfig(FieldModelConfig):
    """Args:
        embedding: tables; all fields are `dim` wide.
        tower: the deep part.
    """


class DeepFM(FieldModel):
    """DeepFM: `z_n = w·x + Σ_{i<j} ⟨v_i, v_j⟩ + MLP([v_1; …; v_F])`, one set of field vectors for both parts.

    Of several tasks, each has a w of its own, and a machine that weighs the coordinates of the products in its own way.

    Source: Guo et al., DeepFM, IJCAI 2017.
    """

    Config = DeepFMConfig

    def __init__(self, schema: Schema, config: DeepFMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.machines = {label.name: FactorizationMachine(weighted=len(schema.tasks) > 1, name=f"machine_{label.name}")
                         for label in schema.tasks}

    def score(self, request: FieldState, candidates: FieldState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        linear = self.linear(request.columns, candidates.columns)
        deep = self.tower([merge_fields(request.fields), merge_fields(candidates.fields), statistics], candidates.mask)
        return {task: linear[task] + machine(request.fields, candidates.fields) + deep[task]
                for task, machine in self.machines.items()}
