"""What the Evaluator measures, and the thresholds that bless a model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from tfx_pipelines import filter_metrics as of_pools
from tfx_pipelines import ranking_metrics
from tfx_pipelines.config import FilterConfig, GateConfig
from zoo.config import ConfigError, nearest
from zoo.schema import Label, Schema

_BASELINE = "baseline"
# Names of the filter's metrics of which less is better begin so.
UNCLICKED = "unclicked_"


def eval_config(schema: Schema, gate: GateConfig, of_filter: FilterConfig | None = None) -> config_pb2.EvalConfig:
    """AUC, GAUC and calibration of every binary task; the first task is gated.

    A soft label is no outcome, so it has none of them. A task that is conditional on another is measured where it was observed.
    Labels and weights are `[N]` per request, weight 0 on padding, from the model's `transform_features` signature.

    Args:
        schema: of the request log.
        gate: least values, and how far they may fall below the model that serves today.
        of_filter: what is measured of the first task as a filter of pools; None for nothing.

    Raises:
        ConfigError: the gate names a metric of the filter that is not measured.
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
    measured = filter_metrics(schema, of_filter.kept, of_filter.top) if of_filter else {}
    for name in gate.filter:
        if name not in measured:
            raise ConfigError(f"gate.filter.{name}: no such metric of a filter is measured{nearest(name, measured)}; `filter` "
                              "says how many candidates are kept, and metrics by a teacher need a soft label")
    for name, (metric, settings) in measured.items():
        _add(config.metrics_specs[0], of_pools.__name__, metric, {**settings, "name": name}, gate.filter.get(name),
             gate.max_drop, less_is_better=name.startswith(UNCLICKED))
    config.slicing_specs.add()
    # Where batches are whole, TFMA's counts of examples are of batches.
    config.options.include_default_metrics.value = False
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
            threshold = failure.metric_threshold
            if threshold.HasField("change_threshold"):
                most, side = threshold.change_threshold.absolute.value, "above" if value > 0 else "below"
                sentences.append(f"{name} is {abs(value):.4f} {side} the model that serves today; "
                                 f"the gate allows {abs(most):g}")
            elif threshold.value_threshold.HasField("upper_bound"):
                sentences.append(f"{name} {value:.4f} is above the gate's {threshold.value_threshold.upper_bound.value:g}")
            else:
                sentences.append(f"{name} {value:.4f} is below the gate's {threshold.value_threshold.lower_bound.value:g}")
    return sentences


def filter_metrics(schema: Schema, kept: Iterable[int], top: Iterable[int]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The metrics that a log allows: class and settings by name.

    Args:
        schema: its first label is the click; a soft label has the teacher's scores, without which there are no metrics by it; a
            label given the first is the purchase.
        kept: how many the model lets through, one or several.
        top: how many the teacher would choose.

    Returns:
        `top50_in_600` and `ndcg_600` by the teacher; `click_600`, `unclicked_600` (lower is better), `isph_600` and `asph_600`.
    """
    click, teacher = schema.labels[0], next((label for label in schema.labels if label.soft), None)
    purchase = next((label for label in schema.labels if label.given == click.name), None)
    outside, found = schema.mark("bought_outside"), {}
    for m in kept:
        if teacher is not None:
            found |= {f"top{k}_in_{m}": ("TeacherShare", {"teacher": teacher.column, "k": k, "m": m}) for k in top}
            found[f"ndcg_{m}"] = ("TeacherNdcg", {"teacher": teacher.column, "k": m})
        found[f"click_{m}"] = ("PoolHitRate", {"column": click.column, "m": m})
        found[f"{UNCLICKED}{m}"] = ("PoolHitRate", {"column": click.column, "value": 0.0, "m": m})
        if purchase is not None:
            found[f"isph_{m}"] = ("PoolHitRate", {"column": purchase.column, "m": m})
        if outside is not None:
            found[f"asph_{m}"] = ("PoolHitRate", {"column": outside.column, "m": m})
    return found


def filter_values(evaluation: str, names: Iterable[str]) -> dict[str, float]:
    """What the Evaluator measured of the model as a filter, by name.

    Args:
        evaluation: URI of the Evaluator's `ModelEvaluation` artifact.
        names: of the metrics.
    """
    wanted, found = set(names), {}
    for metrics in tfma.load_metrics(evaluation):
        for one in metrics.metric_keys_and_values:
            # Of the baseline, and of the difference to it, there are metrics of the same name.
            if one.key.name in wanted and one.key.model_name != _BASELINE and not one.key.is_diff:
                found[one.key.name] = one.value.double_value.value
    return found


def _metrics(schema: Schema, label: Label, gate: GateConfig | None, several: bool) -> config_pb2.MetricsSpec:
    spec = config_pb2.MetricsSpec(output_names=[label.name] if several else [])
    spec.example_weights.weighted = True
    exact, settings = ranking_metrics.__name__, {"group_key": schema.group_key}
    _add(spec, exact, "Auc", settings, gate and gate.auc, gate and gate.max_drop)
    _add(spec, exact, "Gauc", settings, gate and gate.gauc, gate and gate.max_drop)
    _add(spec, exact, "Calibration", settings)
    _add(spec, exact, "Weight", settings)
    return spec


def _add(spec: config_pb2.MetricsSpec, module: str, name: str, settings: dict[str, Any], bound: float | None = None,
         max_drop: float | None = None, less_is_better: bool = False) -> None:
    metric = spec.metrics.add(class_name=name, module=module, config=json.dumps(settings))
    if bound is None or max_drop is None:
        return
    change = metric.threshold.change_threshold
    if less_is_better:
        metric.threshold.value_threshold.upper_bound.value = bound
        change.direction, change.absolute.value = config_pb2.MetricDirection.LOWER_IS_BETTER, max_drop
    else:
        metric.threshold.value_threshold.lower_bound.value = bound
        change.direction, change.absolute.value = config_pb2.MetricDirection.HIGHER_IS_BETTER, -max_drop
