"""Metrics of a coarse ranker as a filter, as TFMA metrics, so that they can gate and be sliced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from zoo.metrics import PoolMean, PoolRanks, pool_hit_rate, pool_ranks, teacher_ndcg, teacher_share


class TeacherShare(metric_types.Metric):
    """`zoo.metrics.teacher_share` over examples that are requests with their pools.

    Args:
        teacher: the column with the teacher's scores.
        k: how many the teacher would choose.
        m: how many the model lets through.
        name: of the metric.
    """

    def __init__(self, teacher: str, k: int, m: int, name: str):
        super().__init__(metric_util.merge_per_key_computations(_share), teacher=teacher, k=k, m=m, name=name)


class TeacherNdcg(metric_types.Metric):
    """`zoo.metrics.teacher_ndcg` over examples that are requests with their pools.

    Args:
        teacher: the column with the teacher's scores.
        k: how many places count.
        name: of the metric.
    """

    def __init__(self, teacher: str, k: int, name: str):
        super().__init__(metric_util.merge_per_key_computations(_ndcg), teacher=teacher, k=k, name=name)


class PoolHitRate(metric_types.Metric):
    """`zoo.metrics.pool_hit_rate` over examples that are requests with their pools.

    Args:
        column: with what happened: a label or a mark, NaN where it was not observed.
        value: the column's value where it happened; 0 of a click is what was exposed and not clicked.
        m: how many the model lets through.
        name: of the metric.
    """

    def __init__(self, column: str, m: int, name: str, value: float = 1.0):
        super().__init__(metric_util.merge_per_key_computations(_hits), column=column, value=value, m=m, name=name)


for _metric in (TeacherShare, TeacherNdcg, PoolHitRate):
    metric_types.register_metric(_metric)


def _share(teacher: str, k: int, m: int, name: str, eval_config: Any = None, model_name: str = "", output_name: str = "",
           example_weighted: bool = False) -> metric_types.MetricComputations:
    return _computations(_Share(teacher, k, m), name, eval_config, model_name, output_name, example_weighted)


def _ndcg(teacher: str, k: int, name: str, eval_config: Any = None, model_name: str = "", output_name: str = "",
          example_weighted: bool = False) -> metric_types.MetricComputations:
    return _computations(_Ndcg(teacher, k), name, eval_config, model_name, output_name, example_weighted)


def _hits(column: str, value: float, m: int, name: str, eval_config: Any = None, model_name: str = "", output_name: str = "",
          example_weighted: bool = False) -> metric_types.MetricComputations:
    return _computations(_Hits(column, value, m), name, eval_config, model_name, output_name, example_weighted)


class _OfRequest(Protocol):
    """A metric of one request."""

    @property
    def column(self) -> str:
        """The column of the examples that it reads beside the scores."""
        ...

    def __call__(self, scores: np.ndarray, values: np.ndarray) -> PoolMean:
        """Of the model's scores and the column's values, `[N]` each."""
        ...


@dataclass(frozen=True)
class _Share:
    column: str
    k: int
    m: int

    def __call__(self, scores: np.ndarray, values: np.ndarray) -> PoolMean:
        return teacher_share(_ranks(scores, values), _ranks(values, values), self.k, self.m)


@dataclass(frozen=True)
class _Ndcg:
    column: str
    k: int

    def __call__(self, scores: np.ndarray, values: np.ndarray) -> PoolMean:
        return teacher_ndcg(_ranks(scores, values), _ranks(values, values), values[~np.isnan(values)], self.k)


@dataclass(frozen=True)
class _Hits:
    column: str
    value: float
    m: int

    def __call__(self, scores: np.ndarray, values: np.ndarray) -> PoolMean:
        return pool_hit_rate(pool_ranks(np.zeros(len(scores)), scores), values == self.value, self.m)


def _ranks(scores: np.ndarray, taught: np.ndarray) -> PoolRanks:
    """Of the candidates of one request that the teacher scored."""
    scored = ~np.isnan(taught)
    return pool_ranks(np.zeros(int(scored.sum())), scores[scored])


def _computations(of_request: _OfRequest, name: str, eval_config: Any, model_name: str, output_name: str,
                  example_weighted: bool) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted)
    return [metric_types.MetricComputation(
        keys=[key], preprocessors=[metric_types.FeaturePreprocessor(feature_keys=[of_request.column])],
        combiner=_PoolCombiner(key, of_request, eval_config, model_name, output_name))]


class _PoolCombiner(beam.CombineFn):
    """Adds up what the metric is of each request."""

    def __init__(self, key: metric_types.MetricKey, of_request: _OfRequest, *lookup: Any):
        self.key, self.of_request, self.lookup = key, of_request, lookup

    def create_accumulator(self) -> PoolMean:
        return PoolMean()

    def add_input(self, accumulator: PoolMean, element: Any) -> PoolMean:
        eval_config, model_name, output_name = self.lookup
        _, scores, _ = next(metric_util.to_label_prediction_example_weight(
            element, eval_config=eval_config, model_name=model_name, output_name=output_name, flatten=False))
        # The raw column is as long as the request has candidates; scores are padded, and labels hide what was not observed.
        values = np.ravel(element.features[self.of_request.column]).astype(np.float64)
        return accumulator + self.of_request(np.ravel(scores)[:len(values)], values)

    def merge_accumulators(self, accumulators: Iterable[PoolMean]) -> PoolMean:
        return sum(accumulators, PoolMean())

    def extract_output(self, accumulator: PoolMean) -> dict[metric_types.MetricKey, float]:
        return {self.key: accumulator.value}
