"""Means and variances of all numbers of a log, in one step of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class MeansAndVariances(beam.PTransform):
    """`[K]` means and `[K]` variances of K columns; NaN and infinite values don't count, and a column without any has 0 and 0.

    However many columns there are, it is one step: TensorFlow Transform's own analyzers are one for each mean and each
    variance, and there are runners that take no step which so many others follow (Flink's batches: 64).

    Args:
        columns: K.
    """

    def __init__(self, columns: int):
        super().__init__()
        self.columns = columns

    def expand(self, input_or_inputs: beam.PCollection) -> tuple[Any, Any]:
        """Of batches, each a tuple of K arrays."""
        moments = input_or_inputs | "Combine" >> beam.CombineGlobally(_Moments(self.columns))
        return moments | "Means" >> beam.Map(_mean), moments | "Variances" >> beam.Map(_variance)


class _Moments(beam.CombineFn):
    """`[3, K]`: how many values n, their mean m, and their squared distances from it, `S = Σ (x - m)²`.

    Two parts become `n = n_a + n_b`, `m = m_a + d·n_b/n` and `S = S_a + S_b + d²·n_a·n_b/n`, `d = m_b - m_a`: since
    `Σ_a (x - m)² = S_a + n_a·(m_a - m)²`, and `n_a·(m_a - m)² + n_b·(m_b - m)² = d²·n_a·n_b/n`. Sums of squares would lose all
    digits of numbers that are large and close to each other, such as times.

    Source: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
    """

    def __init__(self, columns: int):
        self.columns = columns

    def create_accumulator(self) -> Array:
        return np.zeros((3, self.columns))

    def add_input(self, accumulator: Array, batch: tuple[npt.NDArray, ...]) -> Array:
        return _merged(accumulator, np.stack([_of_batch(values) for values in batch], 1))

    def merge_accumulators(self, accumulators: Iterable[Array]) -> Array:
        total = self.create_accumulator()
        for one in accumulators:
            total = _merged(total, one)
        return total

    def extract_output(self, accumulator: Array) -> Array:
        return accumulator


def _of_batch(values: npt.NDArray) -> Array:
    numbers = values.astype(np.float64).ravel()
    numbers = numbers[np.isfinite(numbers)]
    return np.array([len(numbers), numbers.mean(), np.square(numbers - numbers.mean()).sum()]) if len(numbers) else np.zeros(3)


def _merged(a: Array, b: Array) -> Array:
    count, apart = a[0] + b[0], b[1] - a[1]
    share = b[0] / np.maximum(count, 1)
    return np.stack([count, a[1] + apart * share, a[2] + b[2] + np.square(apart) * a[0] * share])


def _mean(moments: Array) -> Array:
    return moments[1]


def _variance(moments: Array) -> Array:
    return moments[2] / np.maximum(moments[0], 1)
