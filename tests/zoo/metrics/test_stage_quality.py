"""Quality by stage, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.metrics import auc, expected_auc, stage_quality


def test_expected_auc_by_hand():
    # Positive i and negative j with p_i(1 − p_j): (1, 2) 0.8·0.5, (2, 1) 0.5·0.2, and each with itself, a tie.
    truth, scores = np.array([0.8, 0.5]), np.array([0.9, 0.1])
    expected = (0.8 * 0.5 + 0.5 * (0.8 * 0.2 + 0.5 * 0.5)) / (0.8 * 0.5 + 0.5 * 0.2 + 0.8 * 0.2 + 0.5 * 0.5)
    assert expected_auc(scores, truth) == pytest.approx(expected)
    labels = np.array([1.0, 0.0, 1.0, 0.0])
    assert expected_auc(np.array([0.9, 0.1, 0.4, 0.4]), labels) == pytest.approx(auc(labels, [0.9, 0.1, 0.4, 0.4]))


def test_expected_auc_is_the_mean_over_labels_that_the_truth_draws():
    rng = np.random.default_rng(0)
    truth, scores = rng.random(400), rng.random(400)
    scores = scores + truth
    drawn = [auc(rng.random(400) < truth, scores) for _ in range(200)]
    assert expected_auc(scores, truth) == pytest.approx(np.mean(drawn), abs=0.005)


def test_scores_know_something_where_they_beat_the_best_constant():
    # Exposed: the scores are the truth. Recalled: they are turned around, and a constant is better.
    truth = np.array([0.2, 0.6, 0.2, 0.6])
    exposed, recalled = stage_quality(np.array([0.2, 0.6, 0.6, 0.2]), truth, np.array([3.0, 3, 0, 0]))
    assert (exposed.stage, exposed.candidates, exposed.probabilities) == ("exposed", 2, True)
    assert (recalled.stage, recalled.candidates, recalled.probabilities) == ("recalled", 2, False)
    assert exposed.excess == pytest.approx(0)
    assert exposed.auc == exposed.auc_best == recalled.auc_best
    # KL of 0.2 from 0.6 and of 0.6 from 0.2; a constant of 0.4.
    assert exposed.auc_error == pytest.approx(np.sqrt((1 / 0.8 + 1 / 1.2) / 12))
    assert not exposed.order  # of two candidates anything may be chance
    kl = [p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)) for p, q in ((0.2, 0.6), (0.6, 0.2), (0.2, 0.4), (0.6, 0.4))]
    assert recalled.excess == pytest.approx((kl[0] + kl[1]) / 2)
    assert recalled.excess_constant == pytest.approx((kl[2] + kl[3]) / 2)


def test_an_order_is_worth_hearing_where_the_probabilities_are_not():
    """A teacher of what was shown says too much of what was not, and may still know which of it is better."""
    truth = np.random.default_rng(0).random(2000) * 0.1
    [quality] = stage_quality(truth * 5, truth, np.zeros(2000))
    assert quality.order and not quality.probabilities
    [noise] = stage_quality(np.random.default_rng(1).random(2000), truth, np.zeros(2000))
    assert not noise.order and not noise.probabilities
