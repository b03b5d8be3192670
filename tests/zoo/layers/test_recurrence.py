"""The gated recurrence against a GRU written out step by step, and its gradient against the tape's."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import keras, tf
from zoo.layers.recurrence import GatedRecurrence

R, N, T, D, H = 3, 2, 5, 4, 6


def explicit(layer, inputs, alpha, beta):
    """The formula, one step after the other, differentiated by the tape."""
    state = tf.zeros((R, alpha.shape[1], H))
    states = []
    for t in range(inputs.shape[1]):
        x = tf.expand_dims(inputs[:, t] @ layer.kernel + layer.bias, 1)
        hidden = tf.einsum("rnh,hk->rnk", state, layer.recurrent)
        update = tf.sigmoid(x[..., :H] + hidden[..., :H])
        reset = tf.sigmoid(x[..., H:2 * H] + hidden[..., H:2 * H])
        new = tf.tanh(x[..., 2 * H:] + reset * hidden[..., 2 * H:])
        gate = tf.expand_dims(alpha[..., t], -1) + tf.expand_dims(beta[..., t], -1) * update
        state = (1 - gate) * state + gate * new
        states.append(state)
    return tf.stack(states, 2)


@pytest.fixture
def setting():
    keras.utils.set_random_seed(0)
    layer, rng = GatedRecurrence(H), np.random.default_rng(0)
    inputs = tf.constant(rng.normal(size=(R, T, D)), tf.float32)
    alpha, beta = (tf.constant(rng.random((R, N, T)), tf.float32) for _ in range(2))
    layer(inputs, alpha, beta)
    layer.bias.assign(rng.normal(size=3 * H))
    return layer, inputs, alpha, beta


def test_by_hand():
    """One unit, all weights 1, no bias: h1 = u·tanh(x) with u = σ(x), then once more with the state."""
    layer = GatedRecurrence(1)
    inputs = tf.constant([[[0.5], [-1.0]]])
    one, zero = tf.ones((1, 1, 2)), tf.zeros((1, 1, 2))
    layer(inputs, zero, one)
    layer.set_weights([np.ones((1, 3)), np.ones((1, 3)), np.zeros(3)])
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    h1 = sigmoid(0.5) * np.tanh(0.5)
    gate = sigmoid(-1 + h1)
    h2 = (1 - gate) * h1 + gate * np.tanh(-1 + gate * h1)
    np.testing.assert_allclose(layer(inputs, zero, one)[0, 0, :, 0], [h1, h2], rtol=1e-6)


def test_states_and_gradients_are_those_of_the_formula(setting):
    layer, inputs, alpha, beta = setting
    out = tf.constant(np.random.default_rng(1).normal(size=(R, N, T, H)), tf.float32)
    results = []
    for function in (layer, lambda *args: layer(*args, training=True), lambda *args: explicit(layer, *args)):
        with tf.GradientTape() as tape:
            tape.watch([inputs, alpha, beta])
            states = function(inputs, alpha, beta)
            loss = tf.reduce_sum(tf.square(states) * out)
        results.append([states, *tape.gradient(loss, [inputs, alpha, beta, *layer.trainable_variables])])
    for ours, in_parts, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(in_parts, expected, rtol=1e-4, atol=1e-5)


def test_same_in_a_graph(setting):
    layer, *inputs = setting
    np.testing.assert_allclose(tf.function(layer)(*inputs), layer(*inputs), atol=1e-6)


def test_equals_keras_gru(setting):
    """With (0, 1) it is the GRU of Keras, whose gate is 1 − u."""
    layer, inputs, alpha, _ = setting
    theirs = keras.layers.GRU(H, return_sequences=True, reset_after=True)
    theirs.build(inputs.shape)
    signs = np.r_[-np.ones(H), np.ones(2 * H)]
    bias = np.stack([layer.bias.numpy() * signs, np.zeros(3 * H)])
    theirs.set_weights([layer.kernel.numpy() * signs, layer.recurrent.numpy() * signs, bias])
    ours = layer(inputs, tf.zeros_like(alpha[:, :1]), tf.ones_like(alpha[:, :1]))
    np.testing.assert_allclose(ours[:, 0], theirs(inputs), atol=1e-5)


def test_zero_gates_keep_the_state(setting):
    layer, inputs, alpha, beta = setting
    keep = tf.constant([1.0, 1, 1, 0, 0])
    states = layer(inputs, alpha * keep, beta * keep).numpy()
    np.testing.assert_array_equal(states[:, :, 3], states[:, :, 2])
    np.testing.assert_array_equal(states[:, :, 4], states[:, :, 2])


def test_no_steps(setting):
    layer, inputs, alpha, beta = setting
    arguments = inputs[:, :0], alpha[..., :0], beta[..., :0]
    assert layer(*arguments).shape == (R, N, 0, H)
    # In a graph that knows less of the shapes, as an exported one.
    graph = tf.function(lambda *values: layer(*values),
                        input_signature=[tf.TensorSpec([None, None, D]), *[tf.TensorSpec([None, 1, None])] * 2])
    assert graph(arguments[0], *(value[:, :1] for value in arguments[1:])).shape == (R, 1, 0, H)


@pytest.mark.slow
@pytest.mark.parametrize("requests", [1, R])
@pytest.mark.parametrize("steps", [0, T])
@pytest.mark.parametrize("training", [True, False])
def test_the_last_state_alone(setting, requests, steps, training):
    layer, *tensors = setting
    inputs, alpha, beta = (tensor[:requests] for tensor in tensors)
    inputs, alpha, beta = inputs[:, :steps], alpha[..., :steps], beta[..., :steps]
    expected = explicit(layer, *tensors)[:requests, :, steps - 1] if steps else tf.zeros((requests, N, H))
    found = tf.function(lambda: layer(inputs, alpha, beta, last=True, training=training), autograph=False)()
    np.testing.assert_allclose(found, expected, atol=1e-6)
