"""How late outcomes come: the most likely rate, from a log that ends before some have come; and trees that learn with it."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.layers.arrival import Arrival
from zoo.layers.late_objective import late_objective
from zoo.schema import Label, Late

LABEL = Label(name="order", late=Late(waited="waited", after="after"))


def batch(seen: np.ndarray, after: np.ndarray, waited: np.ndarray, weights: np.ndarray | None = None) -> Batch:
    columns = {name: tf.constant(values[np.newaxis], tf.float32) for name, values in
               (("seen", seen), ("after", np.where(seen, after, np.nan)), ("waited", waited))}
    weight = tf.ones_like(columns["seen"]) if weights is None else tf.constant(weights[np.newaxis], tf.float32)
    return Batch({}, {"order": columns["seen"]}, {"order": weight}, {name: columns[name] for name in ("after", "waited")})


def rate(*batches: Batch) -> float:
    arrival = Arrival(LABEL)
    arrival.learn(batches)
    return float(arrival.rate)


def test_after_a_long_time_the_mean_delay_decides():
    """And neither what was not seen, nor what has no weight."""
    seen, after = np.array([1.0, 1, 0, 1]), np.array([2.0, 4, 9, 1000])
    assert rate(batch(seen, after, np.full(4, 1e6), np.array([1, 1, 1, 0]))) == pytest.approx(1 / 3, rel=1e-4)


@pytest.mark.parametrize("chance", [0.1, 0.9])
def test_the_rate_is_found_in_a_log_that_ends_early_whatever_the_chance_of_the_outcome(chance):
    rng, size = np.random.default_rng(0), 60_000
    waited, after = rng.uniform(0, 8, size), rng.exponential(5.0, size)
    seen = (rng.random(size) < chance) & (after < waited)
    half = size // 2
    parts = [batch(seen[part], after[part], waited[part]) for part in (slice(half), slice(half, size))]
    # The mean of the delays that were seen alone would say 1/2.
    assert rate(*parts) == pytest.approx(1 / 5, rel=0.15)
    assert after[seen].mean() < 2.7


def test_the_share_that_is_outstanding_and_padding():
    arrival = Arrival(LABEL)
    np.testing.assert_array_less(arrival({"waited": tf.constant([1e-3])}), -100)    # before it learned: at once
    arrival.rate.assign(0.5)
    np.testing.assert_allclose(arrival({"waited": tf.constant([0.0, 4.0, np.nan])}), [0, -2, 0])


def test_nothing_seen_and_wrong_times():
    nothing = np.zeros(3)
    assert rate(batch(nothing, nothing, np.ones(3))) == pytest.approx(1e6)
    with pytest.raises(ValueError, match=r"of 2 outcomes 'order' that were seen, 1 have no time .* such as 3.0 of 2.0"):
        rate(batch(np.ones(2), np.array([1.0, 3.0]), np.full(2, 2.0)))


def test_trees_learn_late_outcomes_without_bias():
    rng, size = np.random.default_rng(2), 20_000
    x = rng.integers(0, 2, size)
    waited = rng.uniform(0, 10, size)
    seen = ((rng.random(size) < np.where(x, 0.6, 0.3)) & (rng.exponential(5.0, size) < waited)).astype(float)
    start, objective = late_objective(seen, np.ones(size), -waited / 5)

    def chances(objective, start: float) -> np.ndarray:
        data = lightgbm.Dataset(x[:, np.newaxis].astype(float), seen, init_score=np.full(size, start))
        booster = lightgbm.train({"objective": objective, "verbosity": -1, "num_leaves": 2}, data, 60)
        return 1 / (1 + np.exp(-start - booster.predict(np.array([[0.0], [1.0]]), raw_score=True)))

    np.testing.assert_allclose(chances(objective, start), [0.3, 0.6], atol=0.03)
    assert (chances("binary", 0.0) < [0.2, 0.4]).all()


def test_at_a_long_time_trees_have_the_gradients_of_the_cross_entropy():
    seen, logits = np.array([1.0, 0.0]), np.array([0.0, np.log(3)])
    gradient, curvature = late_objective(seen, np.array([1.0, 2.0]), np.full(2, -1e4))[1](logits, None)
    np.testing.assert_allclose(gradient, [-0.5, 2 * 0.75])
    np.testing.assert_allclose(curvature, [0.25, 2 * 0.75 * 0.25])
