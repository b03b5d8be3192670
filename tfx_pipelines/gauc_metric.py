"""GAUC as a TFMA metric, so that it can gate and be sliced."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from zoo.metrics import gauc

NAME = "gauc"
_COMPACT_ABOVE = 512


class Gauc(metric_types.Metric):
    """Exact impression-weighted group AUC over examples that are requests with `[N]` labels and predictions.

    Collects (group, label, score, weight) of every impression, some 24 bytes each, and computes `zoo.metrics.gauc` once.
    Besides `gauc` it gives `gauc_groups` and `gauc_skipped_groups`.

    Args:
        group_key: the column to group by.
        name: of the metric.
    """

    def __init__(self, group_key: str, name: str = NAME):
        # Once for each model: the candidate and the baseline that it is compared with.
        super().__init__(metric_util.merge_per_key_computations(_computations), group_key=group_key, name=name)


metric_types.register_metric(Gauc)


def _computations(group_key: str, name: str = NAME, eval_config: Any = None, model_name: str = "",
                  output_name: str = "", example_weighted: bool = False) -> metric_types.MetricComputations:
    keys = [metric_types.MetricKey(name=name + suffix, model_name=model_name, output_name=output_name,
                                   example_weighted=example_weighted) for suffix in ("", "_groups", "_skipped_groups")]
    combiner = _GaucCombiner(keys, group_key, eval_config, model_name, output_name, example_weighted)
    return [metric_types.MetricComputation(
        keys=keys, preprocessors=[metric_types.FeaturePreprocessor(feature_keys=[group_key])], combiner=combiner)]


class _GaucCombiner(beam.CombineFn):
    """Accumulates columns of impressions; merging is concatenation."""

    def __init__(self, keys: list[metric_types.MetricKey], group_key: str, *lookup: Any):
        self.keys, self.group_key, self.lookup = keys, group_key, lookup

    def create_accumulator(self) -> list[tuple[np.ndarray, ...]]:
        return []

    def add_input(self, accumulator: list, element: Any) -> list:
        eval_config, model_name, output_name, example_weighted = self.lookup
        label, score, weight = next(metric_util.to_label_prediction_example_weight(
            element, eval_config=eval_config, model_name=model_name, output_name=output_name,
            example_weighted=example_weighted, flatten=False))
        label, score = np.ravel(label), np.ravel(score)
        weight = np.broadcast_to(np.ravel(weight), label.shape)
        kept = weight > 0
        group = str(np.ravel(element.features[self.group_key])[0])
        accumulator.append((np.full(int(kept.sum()), group, object), label[kept].astype(np.float32),
                            score[kept].astype(np.float32), weight[kept].astype(np.float32)))
        return self.compact(accumulator) if len(accumulator) > _COMPACT_ABOVE else accumulator

    def merge_accumulators(self, accumulators: Any) -> list:
        return self.compact([part for accumulator in accumulators for part in accumulator])

    def compact(self, accumulator: list) -> list:
        return [tuple(np.concatenate(column) for column in zip(*accumulator, strict=True))] if accumulator else []

    def extract_output(self, accumulator: list) -> dict[metric_types.MetricKey, float]:
        if not accumulator:
            return dict.fromkeys(self.keys, float("nan"))
        groups, labels, scores, weights = self.compact(accumulator)[0]
        result = gauc(groups.astype(str), labels, scores, weights)
        values = (result.value, result.groups, result.skipped_groups)
        return {key: float(value) for key, value in zip(self.keys, values, strict=True)}
