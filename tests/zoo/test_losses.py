"""Losses by hand, at logits where probabilities round, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_schema
from zoo.keras import tf
from zoo.losses import joint_cross_entropy, late_cross_entropy, task_loss, task_losses, weighted_rows
from zoo.schema import Label

CLICK = Label(name="click")


def row(*values: float) -> tf.Tensor:
    return tf.constant([values], tf.float32)


def log(*odds: float) -> tf.Tensor:
    """Logits of probabilities that are easy by hand."""
    return tf.math.log(row(*odds))


def test_a_task_by_hand():
    # σ(log 3) = 3/4, σ(log 1) = 1/2; the third has no weight, the second twice the first's.
    loss = task_loss("binary", row(1, 0, 1), log(3, 1, 9), row(1, 2, 0))
    assert float(loss) == pytest.approx((-np.log(3 / 4) - 2 * np.log(1 / 2)) / 3)
    assert float(task_loss("regression", row(1, 5), row(3, 5), row(1, 3))) == 1.0
    assert float(task_loss("binary", row(1), row(0.0), row(0))) == 0.0


def test_a_soft_label_is_learned_by_the_same_cross_entropy():
    loss = task_loss("binary", row(0.25), log(3), row(1))
    assert float(loss) == pytest.approx(-0.25 * np.log(3 / 4) - 0.75 * np.log(1 / 4))
    logits = tf.Variable(row(-1.0))
    for _ in range(200):
        with tf.GradientTape() as tape:
            loss = task_loss("binary", row(0.25), logits, row(1))
        logits.assign_sub(tape.gradient(loss, logits) * 2.0)
    np.testing.assert_allclose(tf.sigmoid(logits), row(0.25), atol=1e-5)


def test_tasks_are_added_by_their_weights():
    schema = toy_schema((CLICK, Label(name="dwell", kind="regression", weight=0.5)))
    loss = task_losses(schema, {"click": log(3), "dwell": row(1)}, {"click": row(1), "dwell": row(3)},
                       {"click": row(1), "dwell": row(1)})
    assert float(loss) == pytest.approx(-np.log(3 / 4) + 0.5 * 4)


def conditional(entire_space: bool):
    # The purchase's loss alone, without the click's.
    schema = toy_schema((CLICK, Label(name="purchase", given="click", entire_space=entire_space, weight=2.0)))

    def loss(clicks, purchases, of_click, of_purchase, observed_clicks, observed_purchases) -> float:
        labels, outputs = {"click": clicks, "purchase": purchases}, {"click": of_click, "purchase": of_purchase}
        weights = {"click": observed_clicks, "purchase": observed_purchases}
        both = task_losses(schema, outputs, labels, weights)
        return float(both - task_loss("binary", clicks, of_click, observed_clicks)) / 2.0
    return loss


def test_a_conditional_task_over_the_entire_space_by_hand():
    # p(click) = 3/4, p(purchase | click) = 1/4, so 3/16 of all.
    cases = {  # click, purchase, observed click, observed purchase: the loss, or None where it has no weight
        (1, 1, 1, 1): -np.log(3 / 16), (1, 0, 1, 1): -np.log(13 / 16), (0, 0, 1, 1): -np.log(13 / 16),
        (0, 0, 1, 0): -np.log(13 / 16),   # nobody knows of the purchase, but without a click there was none
        (1, 0, 1, 0): None, (0, 0, 0, 1): None, (0, 1, 0, 1): None, (0, 0, 0, 0): None,
    }
    loss = conditional(entire_space=True)
    for (click, purchase, click_seen, purchase_seen), expected in cases.items():
        alone = loss(row(click), row(purchase), log(3), log(1 / 3), row(click_seen), row(purchase_seen))
        assert alone == pytest.approx(expected or 0.0, abs=1e-6)
    columns = [row(*column) for column in zip(*cases, strict=True)]
    counted = [value for value in cases.values() if value is not None]
    assert loss(*columns[:2], log(*[3] * 8), log(*[1 / 3] * 8), *columns[2:]) == pytest.approx(np.mean(counted), abs=1e-6)


def test_a_conditional_task_where_the_other_happened_by_hand():
    loss = conditional(entire_space=False)
    # Of four candidates the first two were clicked, and of the second nobody knows the purchase.
    found = loss(row(1, 1, 0, 0), row(1, 0, 0, 1), log(3, 3, 3, 3), log(1 / 3, 3, 3, 3), row(1, 1, 1, 0), row(1, 0, 1, 1))
    assert found == pytest.approx(-np.log(1 / 4), abs=1e-6)
    # A click that was likely by a teacher counts as often.
    found = loss(row(1, 0.5), row(1, 0), log(3, 3), log(1 / 3, 3), row(1, 1), row(1, 1))
    assert found == pytest.approx((-np.log(1 / 4) - 0.5 * np.log(1 / 4)) / 1.5, abs=1e-6)


def test_the_joint_cross_entropy_of_soft_labels():
    loss = joint_cross_entropy(row(0.2), log(3), log(1 / 3))
    np.testing.assert_allclose(loss, row(-0.2 * np.log(3 / 16) - 0.8 * np.log(13 / 16)), rtol=1e-6)


LOGITS = [-90.0, -30.0, -5.0, -1.0, 0.0, 0.3, 4.0, 20.0, 60.0]


@pytest.mark.parametrize("label", [0.0, 0.4, 1.0])
def test_the_joint_cross_entropy_and_its_gradients_at_any_logits(label):
    a, b = (tf.constant(grid.ravel(), tf.float32) for grid in np.meshgrid(LOGITS, LOGITS))
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        loss = joint_cross_entropy(tf.fill(a.shape, label), a, b)
    gradients = tape.gradient(loss, [a, b])
    x, y = a.numpy().astype(np.longdouble), b.numpy().astype(np.longdouble)
    p, q = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-y))
    missed = (np.exp(-x) + np.exp(-y) + np.exp(-x - y)) * p * q   # 1 - p·q without its cancellation
    np.testing.assert_allclose(loss, -label * np.log(p * q) - (1 - label) * np.log(missed), rtol=1e-5, atol=2e-7)
    # ∂/∂a: -y·σ(-a) + (1-y)·p·q·σ(-a) / (1-p·q), and the same with b.
    for gradient, other in zip(gradients, (x, y), strict=True):
        rest = 1 / (1 + np.exp(other))
        np.testing.assert_allclose(gradient, -label * rest + (1 - label) * p * q * rest / missed, rtol=1e-4, atol=2e-7)


def test_padding_moves_nothing():
    schema = toy_schema((CLICK, Label(name="purchase", given="click")))
    outputs = {"click": row(0.5, 7.0), "purchase": row(-0.5, 9.0)}
    labels = {"click": row(1, 0), "purchase": row(0, 0)}
    weights = {"click": row(1, 0), "purchase": row(1, 0)}
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = task_losses(schema, outputs, labels, weights)
    for gradient in tape.gradient(loss, outputs).values():
        assert gradient[0, 0] != 0 and gradient[0, 1] == 0


def test_what_has_not_come_yet_is_not_taken_for_a_negative_by_hand():
    # p = 3/4; after so long, half of what comes has come: seen with 3/8, not seen with 5/8.
    half = row(np.log(0.5), np.log(0.5), 0.0)
    np.testing.assert_allclose(late_cross_entropy(row(1, 0, 0), log(3, 3, 3), half),
                               row(-np.log(3 / 4), -np.log(5 / 8), 0.0), atol=1e-6)   # nothing can be said at once
    waited_long = row(-1e4)
    for label, chance in ((1, 3 / 4), (0, 1 / 4)):
        assert float(late_cross_entropy(row(label), log(3), waited_long)[0, 0]) == pytest.approx(-np.log(chance), abs=1e-6)


def test_a_conditional_task_whose_outcomes_come_late_by_hand():
    # p(click) = 3/4, p(purchase | click) = 1/4: 3/16 buy, half of them have been seen to, or all.
    assert float(joint_cross_entropy(row(0), log(3), log(1 / 3), row(np.log(0.5)))[0, 0]) == pytest.approx(-np.log(1 - 3 / 32))
    for entire_space, expected in ((True, -np.log(1 - 3 / 32)), (False, -np.log(1 - 1 / 8))):
        schema = toy_schema((CLICK, Label(name="purchase", given="click", entire_space=entire_space)))
        both = task_losses(schema, {"click": log(3), "purchase": log(1 / 3)}, {"click": row(1), "purchase": row(0)},
                           {"click": row(1), "purchase": row(1)}, outstanding={"purchase": row(np.log(0.5))})
        assert float(both) + np.log(3 / 4) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("given", [False, True])
def test_late_outcomes_are_learned_without_bias_and_the_cross_entropy_is_biased(given):
    """p(click) = 0.5; an outcome comes with q = 0.4, after 5 hours on average, and the log ends within 10 hours."""
    rng, size, q = np.random.default_rng(1), 40_000, 0.4
    click, waited = (rng.random(size) < 0.5) | (not given), rng.uniform(0, 10, size)
    seen = click & (rng.random(size) < q) & (rng.exponential(5.0, size) < waited)
    outstanding, weight, labels = row(*-waited / 5.0), row(*np.ones(size)), row(*seen.astype(float))
    schema = toy_schema((CLICK, Label(name="purchase", given="click" if given else None)))

    def learned(late: bool) -> float:
        """p(purchase), given the click where it is, the click's own chance held at the truth."""
        z = tf.Variable(0.0)
        outputs = {"click": tf.zeros_like(labels)}
        for _ in range(60):
            with tf.GradientTape() as tape:
                loss = task_losses(schema, outputs | {"purchase": z + tf.zeros_like(labels)},
                                   {"click": row(*click.astype(float)), "purchase": labels},
                                   {"click": weight, "purchase": weight * row(*click.astype(float))},
                                   outstanding={"purchase": outstanding} if late else None)
            z.assign_sub(8.0 * tape.gradient(loss, z))
        return float(tf.sigmoid(z))

    assert learned(late=True) == pytest.approx(q, abs=0.02)
    assert learned(late=False) < 0.6 * q    # half of what comes was still on its way


def test_gradients_of_late_outcomes_are_finite_at_any_logits():
    z = tf.constant([LOGITS])
    for outstanding in (0.0, -1e-6, -3.0, -1e10):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = late_cross_entropy(tf.constant([0.0, 1.0, 0.0] * 3), z, tf.fill(z.shape, outstanding))
        assert np.isfinite(loss).all() and np.isfinite(tape.gradient(loss, z)).all()


def test_rows_weigh_by_what_came_of_them():
    labels = {"click": row(1, 1, 0), "order": row(1, 0, 1), "stay": row(0.5, 2.0, 9.0)}
    weights = {"click": row(1, 2, 1), "order": row(1, 1, 0), "stay": row(1, 0, 0)}
    # Of the third nothing but the click is known.
    found = weighted_rows(weights["click"], {"order": 5.0, "stay": 0.2}, labels, weights)
    np.testing.assert_allclose(found, row(1 * (1 + 5 + 0.1), 2.0, 1.0), rtol=1e-6)
