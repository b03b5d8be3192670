"""Exact metrics: by hand, and against scikit-learn group by group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from zoo.metrics import MetricError, auc, calibration, gauc, logloss

samples = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 4), st.integers(0, 3)), min_size=1,
                   max_size=60)


def brute_force(rows) -> tuple[float, int, int]:
    total = weight = 0.0
    kept = skipped = 0
    for group in {g for g, _, _, w in rows if w}:
        y, s, w = zip(*[(y, s, w) for g, y, s, w in rows if g == group and w], strict=True)
        if len(set(y)) < 2:
            skipped += 1
            continue
        kept += 1
        total += roc_auc_score(y, s, sample_weight=w) * sum(w)
        weight += sum(w)
    return (total / weight if weight else float("nan")), kept, skipped


@settings(max_examples=150, deadline=None)
@given(samples)
def test_gauc_equals_scikit_learn_by_group(rows):
    g, y, s, w = zip(*rows, strict=True)
    result = gauc(g, y, s, w)
    value, kept, skipped = brute_force(rows)
    assert (result.groups, result.skipped_groups) == (kept, skipped)
    assert result.value == pytest.approx(value, abs=1e-9, nan_ok=True)


@settings(max_examples=50, deadline=None)
@given(samples, st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_gauc_ignores_what_is_the_same_for_a_group(rows, offsets):
    g, y, s, w = (np.array(column) for column in zip(*rows, strict=True))
    moved = np.exp(s / 3) + np.array(offsets)[g]
    assert gauc(g, y, moved, w).value == pytest.approx(gauc(g, y, s, w).value, abs=1e-9, nan_ok=True)


def test_by_hand():
    # User a ranks both pairs right but one tie: (1 + 1/2)/2 = 0.75, 3 impressions; b is all wrong, 2 impressions.
    result = gauc(["a", "a", "a", "b", "b", "c"], [1, 0, 0, 1, 0, 1], [0.5, 0.5, 0.1, 0.2, 0.9, 0.3])
    assert result.value == pytest.approx((0.75 * 3 + 0.0 * 2) / 5)
    assert (result.groups, result.skipped_groups, result.impressions, result.skipped_impressions) == (2, 1, 5, 1)
    assert auc([1, 0, 1, 0], [0.9, 0.1, 0.4, 0.4]) == 0.875


def test_nan_scores_are_refused_and_lengths_must_agree():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        auc([1, 0], [0.5, np.nan])
    with pytest.raises(ValueError, match="equally long"):
        gauc(["a"], [1, 0], [0.1, 0.2])
    assert np.isnan(auc([1, 1], [0.1, 0.2])) and np.isnan(gauc([], [], []).value)


def test_logloss_and_calibration():
    rng = np.random.default_rng(0)
    p = rng.random(5_000)
    y = (rng.random(5_000) < p).astype(float)
    assert logloss(y, p) == pytest.approx(log_loss(y, p), abs=1e-9)
    assert logloss([1, 0], [0.0, 1.0]) == pytest.approx(-np.log(1e-7)), "clipped, not infinite"
    good, bad = calibration(y, p), calibration(y, p * 0.5)
    assert good.ratio == pytest.approx(1, abs=0.05) and good.ece < 0.03
    assert bad.ratio == pytest.approx(0.5, abs=0.03) and bad.ece > 0.2
    assert sum(good.count) == 5_000 and list(good.predicted) == sorted(good.predicted)


def test_what_has_no_weight_may_be_nan_and_what_has_some_may_not():
    labels, scores, weights = [1, 0, np.nan], [0.8, 0.3, 0.5], [1, 1, 0]
    assert auc(labels, scores, weights) == 1.0
    assert logloss(labels, scores, weights) == pytest.approx(-(np.log(0.8) + np.log(0.7)) / 2)
    assert calibration(labels, scores, weights).ratio == pytest.approx(1.1)
    for metric in (auc, logloss, calibration):
        with pytest.raises(MetricError, match="1 of 3 labels are NaN"):
            metric(labels, scores)
        with pytest.raises(MetricError, match="equally long"):
            metric(labels, scores[:1])


def test_calibration_by_hand():
    # Two bins of two: predictions 0.1, 0.3 against 0 and 1; 0.6, 0.8 against 1 and 1.
    result = calibration([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
    assert result.predicted == pytest.approx((0.2, 0.7)) and result.observed == pytest.approx((0.5, 1.0))
    assert result.ratio == pytest.approx(1.8 / 3) and result.ece == pytest.approx(0.5 * 0.3 + 0.5 * 0.3)
    weighted = calibration([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], [3, 1, 1, 1], bins=2)
    assert weighted.predicted[0] == pytest.approx(0.15) and weighted.count == (4, 2)
    # Observed 1/4 against 0.15 with weight 4, 1 against 0.7 with weight 2.
    assert weighted.ece == pytest.approx((4 * 0.1 + 2 * 0.3) / 6)


@settings(max_examples=60, deadline=None)
@given(samples, st.randoms(use_true_random=False))
def test_calibration_does_not_depend_on_the_order_of_the_log(rows, random):
    moved = random.sample(rows, len(rows))
    (_, y, s, w), (_, y2, s2, w2) = zip(*rows, strict=True), zip(*moved, strict=True)
    one, two = calibration(y, np.array(s) / 4, w, bins=3), calibration(y2, np.array(s2) / 4, w2, bins=3)
    assert one.ece == pytest.approx(two.ece, abs=1e-9, nan_ok=True) and len(one.count) == len(two.count)
    assert one.observed == pytest.approx(two.observed)


def test_a_constant_prediction_that_is_right_on_average_is_calibrated():
    assert calibration([0] * 50 + [1] * 50, [0.5] * 100).ece == 0.0
