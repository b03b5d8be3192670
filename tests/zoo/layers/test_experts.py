"""Experts and gates, by hand."""

from __future__ import annotations

import numpy as np

from zoo.keras import tf
from zoo.layers.experts import ExpertGate, Experts


def test_experts_are_separate_networks():
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 3, 4)), tf.float32)
    layer = Experts(3, (5, 2), "relu")
    layer([x])
    layer.biases[0].assign(rng.normal(size=(3, 2)))
    out = layer([x]).numpy()
    assert out.shape == (2, 3, 3, 2)
    first = layer.first.kernels[0].numpy().reshape(4, 3, 5)
    for i in range(3):
        hidden = np.maximum(x.numpy() @ first[:, i], 0)
        expected = np.maximum(hidden @ layer.kernels[0].numpy()[i] + layer.biases[0].numpy()[i], 0)
        np.testing.assert_allclose(out[:, :, i], expected, atol=1e-5)


def test_a_gate_mixes_by_hand():
    gate, x = ExpertGate(2), tf.constant([[1.0]])
    experts = tf.constant([[[1.0, 0], [0, 10]]])
    gate([x], experts)
    gate.logits.set_weights([np.zeros(2), np.array([[0.0, np.log(3)]])]
                            if gate.logits.weights[0].shape == (2,) else [np.array([[0.0, np.log(3)]]), np.zeros(2)])
    np.testing.assert_allclose(gate([x], experts), [[0.25, 7.5]], rtol=1e-5)


def test_gate_dropout_leaves_one_expert_at_least_and_is_off_at_inference():
    gate, x = ExpertGate(4, dropout=0.9), [tf.ones((500, 1))]
    weights = gate.weights_of(x, training=True).numpy()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    used = (weights > 0).sum(1)
    # One always stays; each of four stays with 0.1, and where none would, one does.
    expected = 4 * 0.1 + 0.9 ** 4
    assert used.min() == 1 and abs(used.mean() - expected) < 0.15
    assert (gate.weights_of(x).numpy() > 0).all()
