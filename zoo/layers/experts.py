"""Experts that several tasks share, and the gates that mix them."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.keras import keras, tf
from zoo.layers.activations import activate, activation
from zoo.layers.dense import SplitDense
from zoo.layers.masking import weighted_sum
from zoo.layers.randomness import Randomness


class Experts(keras.layers.Layer):
    """E networks over the same input, side by side: `f_i(x) = MLP_i(x)`.

    Args:
        count: E.
        units: widths of each network's layers.
        activation_name: after each of them.

    Example:
        >>> Experts(4, (64,))([profile, candidate])     # [R, P], [R, N, D] -> [R, N, 4, 64]
    """

    def __init__(self, count: int, units: Sequence[int], activation_name: str = "relu", **kwargs):
        super().__init__(**kwargs)
        self.count, self.units = count, tuple(units)
        # The first layers of all experts read the same input: one product.
        self.first = SplitDense(count * self.units[0])
        self.activations = [activation(activation_name) for _ in self.units]

    def build(self, _):
        sizes = list(zip(self.units[:-1], self.units[1:], strict=True))
        self.kernels = [self.add_weight(f"kernel_{i}", (self.count, *size), initializer=_glorot_each)
                        for i, size in enumerate(sizes, 1)]
        self.biases = [self.add_weight(f"bias_{i}", (self.count, size[1]), initializer="zeros")
                       for i, size in enumerate(sizes, 1)]

    def call(self, parts: Sequence[tf.Tensor], mask: tf.Tensor | None = None) -> tf.Tensor:
        hidden = self.first(parts)
        hidden = tf.reshape(hidden, tf.concat([tf.shape(hidden)[:-1], [self.count, self.units[0]]], 0))
        mask = None if mask is None else tf.tile(tf.expand_dims(mask, -1), [1] * len(mask.shape) + [self.count])
        hidden = activate(self.activations[0], hidden, mask)
        for kernel, bias, layer in zip(self.kernels, self.biases, self.activations[1:], strict=True):
            hidden = activate(layer, tf.einsum("...ei,eio->...eo", hidden, kernel) + bias, mask)
        return hidden


class ExpertGate(keras.layers.Layer):
    """The mixture of experts of one task: `g = softmax(W x)`, `f = Σ_i g_i f_i`.

    In training an expert is left out of an example's mixture with the chance `dropout`, and the others share its weight; one
    always stays. Against gates that come to use a single expert.

    Args:
        count: E.
        dropout: chance.

    Source: Ma et al., Multi-gate Mixture-of-Experts, KDD 2018, section 4; dropout is a later practice.
    """

    def __init__(self, count: int, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.dropout, self.randomness = dropout, Randomness() if dropout else None
        self.logits = SplitDense(count)

    def call(self, parts: Sequence[tf.Tensor], experts: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Parts and `[..., E, D]` to `[..., D]`."""
        return weighted_sum(self.weights_of(parts, training), experts)

    def weights_of(self, parts: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """`[..., E]`, summing to 1."""
        logits = self.logits(parts)
        if training and self.randomness is not None:
            chance = self.randomness.uniform(tf.shape(logits))
            lucky = chance >= tf.reduce_max(chance, -1, keepdims=True)
            logits = tf.where((chance >= self.dropout) | lucky, logits, -1e9)
        return tf.nn.softmax(logits)


def _glorot_each(shape, dtype=None, **_):
    """Each expert's matrix as a layer of its own would be begun."""
    return tf.stack([keras.initializers.GlorotUniform()(shape[1:]) for _ in range(shape[0])])
