"""AUC, GAUC and calibration as TFMA metrics of whole batches of requests, so that they can gate.

TFMA's own metrics handle a request, and some of them an impression, at a time in Python. These collect the impressions of each
batch, some 20 bytes each, once for all metrics of a task, and compute exact metrics of them at the end (`zoo.metrics`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import extractor, unbatch_extractor
from tensorflow_model_analysis.metrics import metric_types, metric_util

from zoo.metrics.classification import auc
from zoo.metrics.gauc import gauc

# A name that begins so stays inside TFMA.
_COLLECTED = "_impressions"
_PARTS_A_BLOCK = 512


class Impressions(NamedTuple):
    """Impressions with weight, `[n]` each."""

    groups: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    weights: np.ndarray

    @classmethod
    def joined(cls, parts: list[Impressions]) -> Impressions:
        if not parts:
            return cls(np.zeros(0, "S1"), *(np.zeros(0, np.float32) for _ in range(3)))
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


_Accumulator = tuple[list[Impressions], list[Impressions]]


def custom_extractors(eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any) -> list[extractor.Extractor]:
    """TFMA's extractors without the one that takes batches apart; TFX's Evaluator asks for them by this name."""
    found = tfma.default_extractors(eval_shared_model=eval_shared_model, eval_config=eval_config,
                                    tensor_adapter_config=tensor_adapter_config)
    return [one for one in found if one.stage_name != unbatch_extractor.UNBATCH_EXTRACTOR_STAGE_NAME]


def _auc(found: Impressions) -> dict[str, float]:
    return {"": auc(found.labels, found.scores, found.weights)}


def _gauc(found: Impressions) -> dict[str, float]:
    result = gauc(found.groups, found.labels, found.scores, found.weights)
    return {"": result.value, "_groups": result.groups, "_skipped_groups": result.skipped_groups}


def _calibration(found: Impressions) -> dict[str, float]:
    predicted, observed = (float(np.dot(values.astype(float), found.weights)) for values in (found.scores, found.labels))
    return {"": predicted / observed if observed else float("nan")}


def _weight(found: Impressions) -> dict[str, float]:
    return {"": float(found.weights.sum(dtype=float))}


class _Ranking(metric_types.Metric):
    """A metric of the impressions of a task.

    Args:
        values: computes it, and what goes with it, by the ends of their names.
        ends: of the names.
        group_key: the column that GAUC groups by.
        name: of the metric.
    """

    def __init__(self, values: Callable[[Impressions], dict[str, float]], ends: tuple[str, ...], group_key: str, name: str):
        def computations(group_key: str, name: str, eval_config: Any = None, model_name: str = "", output_name: str = "",
                         example_weighted: bool = False) -> metric_types.MetricComputations:
            def key(name: str) -> metric_types.MetricKey:
                return metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name,
                                              example_weighted=example_weighted)

            def derived(found: dict[metric_types.MetricKey, Any]) -> dict[metric_types.MetricKey, float]:
                return {key(name + end): float(value) for end, value in values(found[collected]).items()}

            collected = key(_COLLECTED)
            # TFMA computes once what has the same key and combiner.
            collecting = metric_types.MetricComputation(
                keys=[collected], preprocessors=[metric_types.FeaturePreprocessor(feature_keys=[group_key])],
                combiner=_Collect(collected, group_key, eval_config, model_name, output_name, example_weighted))
            return [collecting, metric_types.DerivedMetricComputation(keys=[key(name + end) for end in ends], result=derived)]

        # Once for each model: the candidate and the baseline that it is compared with.
        super().__init__(metric_util.merge_per_key_computations(computations), group_key=group_key, name=name)


class Auc(_Ranking):
    """Exact area under the ROC curve of all impressions."""

    def __init__(self, group_key: str, name: str = "auc"):
        super().__init__(_auc, ("",), group_key, name)


class Gauc(_Ranking):
    """Exact impression-weighted group AUC; besides `gauc` it gives `gauc_groups` and `gauc_skipped_groups`."""

    def __init__(self, group_key: str, name: str = "gauc"):
        super().__init__(_gauc, ("", "_groups", "_skipped_groups"), group_key, name)


class Calibration(_Ranking):
    """Sum of the predictions over that of the labels."""

    def __init__(self, group_key: str, name: str = "calibration"):
        super().__init__(_calibration, ("",), group_key, name)


class Weight(_Ranking):
    """Sum of the impressions' weights."""

    def __init__(self, group_key: str, name: str = "weight"):
        super().__init__(_weight, ("",), group_key, name)


for metric in (Auc, Gauc, Calibration, Weight):
    metric_types.register_metric(metric)


class _Collect(beam.CombineFn):
    """Accumulates impressions of batches, or of single requests where metrics of a filter need them.

    An accumulator is `(blocks, parts)`: parts become a block when there are many of them, and blocks stay apart until the end,
    so that no impression is copied more than a few times.
    """

    def __init__(self, key: metric_types.MetricKey, group_key: str, *lookup: Any):
        self.key, self.group_key, self.lookup = key, group_key, lookup

    def create_accumulator(self) -> _Accumulator:
        return [], []

    def add_input(self, accumulator: _Accumulator, element: Any) -> _Accumulator:  # pyright: ignore
        blocks, parts = accumulator
        eval_config, model_name, output_name, example_weighted = self.lookup
        groups = np.ravel(element.features[self.group_key])
        label, score, weight = (np.reshape(column, (len(groups), -1)) for column in next(
            metric_util.to_label_prediction_example_weight(
                element, eval_config=eval_config, model_name=model_name, output_name=output_name,
                example_weighted=example_weighted, flatten=False)))
        kept = weight > 0
        groups = np.broadcast_to(groups.astype(np.bytes_)[:, None], label.shape)
        parts.append(Impressions(groups[kept], *(column[kept].astype(np.float32) for column in (label, score, weight))))
        return accumulator if len(parts) < _PARTS_A_BLOCK else ([*blocks, Impressions.joined(parts)], [])

    def merge_accumulators(self, accumulators: Any) -> _Accumulator:
        accumulators = list(accumulators)
        found = [block for blocks, _ in accumulators for block in blocks]
        return [*found, Impressions.joined([part for _, parts in accumulators for part in parts])], []

    def compact(self, accumulator: _Accumulator) -> _Accumulator:
        return self.merge_accumulators([accumulator])

    def extract_output(self, accumulator: _Accumulator) -> dict[metric_types.MetricKey, Impressions]:
        blocks, parts = accumulator
        found = Impressions.joined([*blocks, *parts])
        # Only which ones are the same matters.
        return {self.key: found._replace(groups=np.unique(found.groups, return_inverse=True)[1])}
