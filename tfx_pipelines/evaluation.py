"""What the Evaluator measures, and the thresholds that bless a model."""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from tfx_pipelines.config import GateConfig
from zoo.schema import Label, Schema


def eval_config(schema: Schema, gate: GateConfig) -> config_pb2.EvalConfig:
    """AUC, GAUC and calibration of every binary task; the first task is gated.

    A soft label is no outcome, so it has none of them. A task that is conditional on another is measured where it was observed.
    Labels and weights are `[N]` per request, weight 0 on padding, from the model's `transform_features` signature.

    Args:
        schema: of the request log.
        gate: least values, and how far they may fall below the model that serves today.
    """
    several = len(schema.tasks) > 1
    config = config_pb2.EvalConfig()
    model = config.model_specs.add(signature_name="serving_default",
                                   preprocessing_function_names=["transform_features"])
    for label in schema.tasks:
        if several:
            model.label_keys[label.name] = f"label_{label.name}"
            model.prediction_keys[label.name] = label.name
            model.example_weight_keys[label.name] = f"weight_{label.name}"
        else:
            model.label_key, model.prediction_key = f"label_{label.name}", label.name
            model.example_weight_key = f"weight_{label.name}"
    for number, label in enumerate(label for label in schema.tasks if label.kind == "binary" and not label.soft):
        config.metrics_specs.append(_metrics(schema, label, gate if number == 0 else None, several))
    config.slicing_specs.add()
    return config


def gate_failures(evaluation: str) -> list[str]:
    """Which thresholds a model did not reach, in words.

    Args:
        evaluation: URI of the Evaluator's `ModelEvaluation` artifact.

    Returns:
        One sentence for each threshold that failed; empty for a blessed model.
    """
    result = tfma.load_validation_result(evaluation)
    sentences = []
    for of_slice in result.metric_validations_per_slice if result else []:
        for failure in of_slice.failures:
            name, value = failure.metric_key.name.upper(), failure.metric_value.double_value.value
            if failure.metric_threshold.HasField("change_threshold"):
                most = -failure.metric_threshold.change_threshold.absolute.value
                sentences.append(f"{name} is {-value:.4f} below the model that serves today; the gate allows {most:g}")
            else:
                least = failure.metric_threshold.value_threshold.lower_bound.value
                sentences.append(f"{name} {value:.4f} is below the gate's {least:g}")
    return sentences


def _metrics(schema: Schema, label: Label, gate: GateConfig | None, several: bool) -> config_pb2.MetricsSpec:
    spec = config_pb2.MetricsSpec(output_names=[label.name] if several else [])
    spec.example_weights.weighted = True
    _add(spec, "AUC", {"num_thresholds": 10_000}, gate and gate.auc, gate and gate.max_drop)
    _add(spec, "Gauc", {"group_key": schema.group_key}, gate and gate.gauc, gate and gate.max_drop,
         module="tfx_pipelines.gauc_metric")
    _add(spec, "Calibration", {})
    _add(spec, "WeightedExampleCount", {})
    return spec


def _add(spec: config_pb2.MetricsSpec, name: str, settings: dict[str, Any], least: float | None = None,
         max_drop: float | None = None, module: str | None = None) -> None:
    metric = spec.metrics.add(class_name=name, module=module or "", config=json.dumps(settings))
    if least is None or max_drop is None:
        return
    metric.threshold.value_threshold.lower_bound.value = least
    metric.threshold.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
    metric.threshold.change_threshold.absolute.value = -max_drop
