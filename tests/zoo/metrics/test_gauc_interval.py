"""GAUC's interval: the value, its width, and what pairs of models share."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.metrics import gauc, gauc_interval


def sample(groups: int, noise: float, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    of, appeal = np.repeat(np.arange(groups), 8), draw.normal(size=groups * 8)
    return of, (draw.random(len(of)) < 1 / (1 + np.exp(-appeal))).astype(float), appeal + noise * draw.normal(size=len(of))


def test_value_is_gauc_and_more_groups_make_it_surer():
    of, labels, scores = sample(100, 1.0)
    few, many = gauc_interval(of, labels, scores), gauc_interval(*sample(1600, 1.0))
    assert few.value == pytest.approx(gauc(of, labels, scores).value) and few.low < few.value < few.high
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4.0, rel=0.2), "as the root of the number of groups"
    assert gauc_interval(of, labels, scores) == few, "a seed gives the same draws"


@pytest.mark.slow
def test_the_interval_holds_the_truth_as_often_as_it_says():
    truth = gauc_interval(*sample(20_000, 1.0)).value
    held = [one.low <= truth <= one.high for one in (gauc_interval(*sample(100, 1.0, seed), level=0.8) for seed in range(100))]
    assert 0.68 < np.mean(held) < 0.92


def test_a_difference_is_surer_than_its_parts():
    of, labels, scores = sample(200, 1.0)
    against = scores + 0.05 * np.random.default_rng(5).normal(size=len(of))
    pair, alone = gauc_interval(of, labels, scores, against=against), gauc_interval(of, labels, scores)
    assert pair.value == pytest.approx(alone.value - gauc(of, labels, against).value)
    assert pair.high - pair.low < 0.25 * (alone.high - alone.low)
    same = gauc_interval(of, labels, scores, against=scores)
    assert same == (0.0, 0.0, 0.0)


def test_weights_and_groups_of_one_class():
    of, labels, scores = [1, 1, 1, 2, 2], [1, 0, 0, 1, 1], [0.9, 0.1, 1.0, 0.5, 0.4]
    assert gauc_interval(of, labels, scores, weights=[1, 1, 0, 1, 1]) == (1.0, 1.0, 1.0)
    assert np.isnan(gauc_interval([1, 1], [1, 1], [0.1, 0.2])).all()
