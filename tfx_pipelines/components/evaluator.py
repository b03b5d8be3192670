"""TFX's Evaluator, for which a baseline without a model is no baseline."""

from __future__ import annotations

from typing import Any

from tfx import v1 as tfx
from tfx.components.evaluator import executor
from tfx.dsl.components.base import executor_spec
from tfx.types import Artifact
from tfx.utils import path_utils

from zoo.versions import has_model

_BASELINE = "baseline_model"


class Executor(executor.Executor):
    """Leaves out an empty baseline, as TFX does where a channel has no artifact, which not every runner allows."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        if not all(has_model(path_utils.serving_model_path(model.uri)) for model in input_dict.get(_BASELINE, [])):
            input_dict = {key: artifacts for key, artifacts in input_dict.items() if key != _BASELINE}
        super().Do(input_dict, output_dict, exec_properties)


class Evaluator(tfx.components.Evaluator):
    """Measures a model, compares it with the baseline if there is one, and blesses it where it passes every threshold."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
