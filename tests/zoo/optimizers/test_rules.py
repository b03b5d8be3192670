"""Every rule against plain NumPy, with dense and with sparse gradients; untouched rows stay as they are, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import keras, tf
from zoo.optimizers import Ftrl, LazyAdam, ProximalAdagrad, RowWiseAdagrad, SparseAdagrad


def numpy_adam(w, g, s, t):
    s["m"], s["v"] = 0.9 * s["m"] + 0.1 * g, 0.999 * s["v"] + 0.001 * g * g
    return w - 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * s["m"] / (np.sqrt(s["v"]) + 1e-7)


def numpy_adagrad(w, g, s, t):
    s["n"] = s["n"] + g * g
    return w - 0.1 * g / (np.sqrt(s["n"]) + 1e-7)


def numpy_rowwise(w, g, s, t):
    s["n"] = s["n"] + (g * g).mean(-1, keepdims=True)
    return w - 0.1 * g / (np.sqrt(s["n"]) + 1e-7)


def numpy_ftrl(w, g, s, t):
    grown = s["n"] + g * g
    s["z"] = s["z"] + g - (np.sqrt(grown) - np.sqrt(s["n"])) / 0.1 * w
    s["n"] = grown
    return np.where(np.abs(s["z"]) <= 0.3, 0, -(s["z"] - np.sign(s["z"]) * 0.3) / ((1 + np.sqrt(grown)) / 0.1 + 0.2))


def numpy_proximal(w, g, s, t):
    s["n"] = s["n"] + (g * g).mean(-1, keepdims=True)
    rate = 0.1 / (np.sqrt(s["n"]) + 1e-7)
    a = w - rate * g
    a = np.sign(a) * np.maximum(np.abs(a) - rate * 0.05, 0)
    norm = np.sqrt((a * a).sum(-1, keepdims=True))
    return a * np.maximum(1 - rate * 0.1 / np.where(norm == 0, 1, norm), 0)


CASES = {
    "lazy_adam": (lambda: LazyAdam(0.1), numpy_adam, {"m": 0.0, "v": 0.0}),
    "adagrad": (lambda: SparseAdagrad(0.1), numpy_adagrad, {"n": 0.1}),
    "rowwise_adagrad": (lambda: RowWiseAdagrad(0.1), numpy_rowwise, {"n": 0.1}),
    "ftrl": (lambda: Ftrl(0.1, l1=0.3, l2=0.2), numpy_ftrl, {"z": 0.0, "n": 0.0}),
    "proximal": (lambda: ProximalAdagrad(0.1, l1=0.05, l21=0.1), numpy_proximal, {"n": 0.1}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sparse", [False, True])
def test_against_numpy(name, sparse):
    make, rule, initial = CASES[name]
    rng = np.random.default_rng(0)
    start = np.zeros((6, 3)) if name == "ftrl" else rng.normal(size=(6, 3))
    variable, optimizer = tf.Variable(start, dtype=tf.float32), make()
    expected = start.copy()
    state = {key: np.full((6, 1) if name in ("rowwise_adagrad", "proximal") else (6, 3), value)
             for key, value in initial.items()}
    for step in range(1, 5):
        rows = np.array([4, 1, 4]) if sparse else np.arange(6)
        values = rng.normal(size=(len(rows), 3))
        summed = np.zeros((6, 3))
        np.add.at(summed, rows, values)
        touched = np.unique(rows)
        part = {key: value[touched] for key, value in state.items()}
        expected[touched] = rule(expected[touched], summed[touched], part, step)
        for key in state:
            state[key][touched] = part[key]
        gradient = (tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows), tf.constant([6, 3])) if sparse
                    else tf.constant(values, tf.float32))
        before = variable.numpy()
        optimizer.apply_gradients([(gradient, variable)])
        untouched = np.setdiff1d(np.arange(6), touched)
        np.testing.assert_array_equal(variable.numpy()[untouched], before[untouched])
    np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5)


def test_lazy_adam_is_adam_where_every_row_is_touched():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 2)).astype(np.float32)
    ours, theirs = tf.Variable(start), tf.Variable(start)
    mine, keras_adam = LazyAdam(0.05), keras.optimizers.Adam(0.05, jit_compile=False)
    for _ in range(5):
        gradient = tf.constant(rng.normal(size=(4, 2)), tf.float32)
        mine.apply_gradients([(gradient, ours)])
        keras_adam.apply_gradients([(gradient, theirs)])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-6)


def test_ftrl_agrees_with_keras():
    rng = np.random.default_rng(0)
    ours, theirs = tf.Variable(tf.zeros((3, 2))), tf.Variable(tf.zeros((3, 2)))
    mine = Ftrl(0.1, beta=1.0, l1=0.01)
    # Keras wants an accumulator above 0; its β enters as β/(2·lr) of L2, and twice, so the formulas are the same.
    legacy = keras.optimizers.legacy.Ftrl(0.1, beta=1.0, l1_regularization_strength=0.01, initial_accumulator_value=0.0)
    for _ in range(4):
        gradient = tf.constant(rng.normal(size=(3, 2)), tf.float32)
        mine.apply_gradients([(gradient, ours)])
        legacy.apply_gradients([(gradient, theirs)])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4)


def test_row_wise_state_is_one_value_a_row():
    variable, optimizer = tf.Variable(tf.zeros((7, 3))), RowWiseAdagrad(0.1)
    optimizer.build([variable])
    assert [tuple(v.shape) for v in optimizer.variables if v.shape.rank == 2] == [(7, 1)]


@pytest.mark.parametrize("name", CASES)
def test_state_of_untouched_rows_stays_bit_by_bit(name):
    optimizer, variable = CASES[name][0](), tf.Variable(tf.random.stateless_normal((5, 2), [1, 2]))
    rng = np.random.default_rng(0)
    optimizer.apply_gradients([(tf.constant(rng.normal(size=(5, 2)), tf.float32), variable)])
    before = [value.numpy() for value in optimizer.variables if value.shape.rank == 2]
    optimizer.apply_gradients([(tf.IndexedSlices(tf.ones((1, 2)), tf.constant([3]), tf.constant([5, 2])), variable)])
    after = [value.numpy() for value in optimizer.variables if value.shape.rank == 2]
    assert len(before) == len(CASES[name][2])
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(np.delete(old, 3, 0), np.delete(new, 3, 0))
        assert not np.array_equal(old[3], new[3])


def test_ftrl_makes_weights_without_evidence_exactly_zero():
    """Noise around 0 against a steady gradient: L1 silences the first and keeps the second."""
    rng = np.random.default_rng(0)
    weights, optimizer = tf.Variable(tf.zeros((2, 1))), Ftrl(0.1, l1=5.0)
    for _ in range(50):
        optimizer.apply_gradients([(tf.constant([[rng.normal() * 0.1], [-1.0]], tf.float32), weights)])
    assert weights.numpy()[0, 0] == 0.0 and weights.numpy()[1, 0] > 0.1


def test_a_scalar_and_a_vector_move_like_rows_of_one():
    """Biases are dense and have no second axis; the row-wise rules must take them too."""
    for make, *_ in CASES.values():
        scalar, vector, optimizer = tf.Variable(1.0), tf.Variable([1.0, 1.0]), make()
        optimizer.apply_gradients([(tf.constant(0.5), scalar), (tf.constant([0.5, 0.0]), vector)])
        assert np.isfinite(scalar.numpy()) and scalar.numpy() == pytest.approx(vector.numpy()[0])
        assert scalar.numpy() < 1.0
