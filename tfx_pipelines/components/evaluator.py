"""TFX's Evaluator, for which a baseline without a model is no baseline."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx
from tfx.components.evaluator import executor
from tfx.dsl.components.base import executor_spec
from tfx.types import Artifact, standard_component_specs
from tfx.utils import path_utils

from tfx_pipelines import ranking_metrics
from zoo.versions import has_model

_BASELINE = "baseline_model"


class Executor(executor.Executor):
    """Leaves out an empty baseline, as TFX does where a channel has no artifact, which not every runner allows; and leaves
    batches whole where metrics can take them."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        if not all(has_model(path_utils.serving_model_path(model.uri)) for model in input_dict.get(_BASELINE, [])):
            input_dict = {key: artifacts for key, artifacts in input_dict.items() if key != _BASELINE}
        config = json_format.Parse(exec_properties[standard_component_specs.EVAL_CONFIG_KEY], config_pb2.EvalConfig())
        # Metrics of a filter are of one request with its pool.
        if all(metric.module == ranking_metrics.__name__ for spec in config.metrics_specs for metric in spec.metrics):
            extractors = ranking_metrics.custom_extractors
            exec_properties = exec_properties | {extractors.__name__: f"{extractors.__module__}.{extractors.__name__}"}
        super().Do(input_dict, output_dict, exec_properties)


class Evaluator(tfx.components.Evaluator):
    """Measures a model, compares it with the baseline if there is one, and blesses it where it passes every threshold."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
