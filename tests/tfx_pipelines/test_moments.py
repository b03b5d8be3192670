"""Means and variances of a log's numbers, however its batches are cut."""

from __future__ import annotations

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to

from tfx_pipelines.moments import MeansAndVariances, _merged, _Moments, _of_batch

RANDOM = np.random.default_rng(0)
# Times of one day in seconds, whose squares have no digit left for what tells them apart; and numbers of any size.
COLUMNS = [1.7e9 + RANDOM.uniform(0, 86_400, 1_000), RANDOM.normal(size=1_000) ** 3, np.full(1_000, 7.0)]


@pytest.mark.parametrize("parts", [1, 7, 1_000])
def test_batches_of_any_size_give_what_the_whole_gives(parts):
    moments = _Moments(len(COLUMNS))
    pieces = [np.array_split(column, parts) for column in COLUMNS]
    every_third = [moments.create_accumulator() for _ in range(3)]
    for number, batch in enumerate(zip(*pieces, strict=True)):
        every_third[number % 3] = moments.add_input(every_third[number % 3], batch)
    count, mean, squares = moments.merge_accumulators(every_third)
    assert count.tolist() == [1_000] * 3
    np.testing.assert_allclose(mean, [column.mean() for column in COLUMNS], rtol=1e-14)
    np.testing.assert_allclose(squares / count, [column.var() for column in COLUMNS], rtol=1e-9)


def test_two_numbers_by_hand():
    assert _merged(_of_batch(np.array([1.0]))[:, None], _of_batch(np.array([4.0, 4.0]))[:, None]).ravel().tolist() == [3, 3, 6]


def test_a_pipeline_of_batches_whose_columns_are_of_different_lengths():
    batches = [(np.array([[1.0], [3.0]], np.float32), np.array([np.nan, np.inf])),
               (np.array([[5.0]], np.float32), np.array([]))]
    with beam.Pipeline() as pipeline:
        means, variances = pipeline | beam.Create(batches) | MeansAndVariances(2)
        # What is no number does not count, and a column without one has 0 and 0.
        for name, found, expected in (("means", means, 3.0), ("variances", variances, pytest.approx(8 / 3))):
            assert_that(found | name >> beam.Map(np.ndarray.tolist), equal_to([[expected, 0.0]]), f"of {name}")
