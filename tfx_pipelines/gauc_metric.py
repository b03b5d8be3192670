"""GAUC as a TFMA metric, so that it can gate and be sliced."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from zoo.metrics import gauc

NAME = "gauc"
_ROWS_A_BLOCK = 512

Columns = tuple[np.ndarray, ...]  # groups, labels, scores, weights of some impressions


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
    """Accumulates columns of impressions; merging is concatenation.

    An accumulator is `(blocks, rows)`: the rows of single requests become a block when there are many of them, and blocks
    stay apart until the end, so that no impression is copied more than a few times.
    """

    def __init__(self, keys: list[metric_types.MetricKey], group_key: str, *lookup: Any):
        self.keys, self.group_key, self.lookup = keys, group_key, lookup

    def create_accumulator(self) -> tuple[list[Columns], list[Columns]]:
        return [], []

    def add_input(self, accumulator: tuple[list[Columns], list[Columns]], element: Any) -> tuple:
        blocks, rows = accumulator
        eval_config, model_name, output_name, example_weighted = self.lookup
        label, score, weight = next(metric_util.to_label_prediction_example_weight(
            element, eval_config=eval_config, model_name=model_name, output_name=output_name,
            example_weighted=example_weighted, flatten=False))
        label, score = np.ravel(label), np.ravel(score)
        weight = np.broadcast_to(np.ravel(weight), label.shape)
        kept = weight > 0
        group = str(np.ravel(element.features[self.group_key])[0])
        rows.append((np.full(int(kept.sum()), group, object), label[kept].astype(np.float32),
                     score[kept].astype(np.float32), weight[kept].astype(np.float32)))
        return accumulator if len(rows) < _ROWS_A_BLOCK else ([*blocks, _joined(rows)], [])

    def merge_accumulators(self, accumulators: Any) -> tuple:
        return [block for blocks, rows in accumulators for block in [*blocks, *([_joined(rows)] if rows else [])]], []

    def compact(self, accumulator: tuple) -> tuple:
        return self.merge_accumulators([accumulator])

    def extract_output(self, accumulator: tuple) -> dict[metric_types.MetricKey, float]:
        blocks, _ = self.compact(accumulator)
        if not blocks:
            return dict.fromkeys(self.keys, float("nan"))
        groups, labels, scores, weights = _joined(blocks)
        result = gauc(groups.astype(str), labels, scores, weights)
        values = (result.value, result.groups, result.skipped_groups)
        return {key: float(value) for key, value in zip(self.keys, values, strict=True)}


def _joined(parts: list[Columns]) -> Columns:
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
