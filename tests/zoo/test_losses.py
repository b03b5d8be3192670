"""Losses by hand, at logits where probabilities round, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_schema
from zoo.keras import tf
from zoo.losses import joint_cross_entropy, task_loss, task_losses
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
