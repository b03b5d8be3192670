"""Multi-layer perceptrons over parts that live on a request or on a candidate."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.keras import keras, tf
from zoo.layers.activations import activate, activation
from zoo.layers.randomness import Dropout


class SplitDense(keras.layers.Layer):
    """A dense layer over the concatenation of several parts, without making the concatenation.

    `W·[a; b; c] + bias = W_a·a + W_b·b + W_c·c + bias`: a part that belongs to the request (`[R, D]`) is multiplied
    once a request and broadcast over its candidates, where concatenation would copy it N times.

    Args:
        units: output width.

    Example:
        >>> SplitDense(80)([profile, interest, candidate])      # [R, P], [R, N, D], [R, N, E] -> [R, N, 80]
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shapes):
        widths = [shape[-1] for shape in shapes]
        # One Glorot initialisation over the whole fan-in, as the undivided layer would have.
        kernel = keras.initializers.GlorotUniform()((sum(widths), self.units))
        pieces = tf.split(kernel, widths, axis=0)
        self.kernels = [
            self.add_weight(f"kernel_{i}", (width, self.units), initializer=_given(piece))
            for i, (width, piece) in enumerate(zip(widths, pieces, strict=True))
        ]
        self.bias = self.add_weight("bias", (self.units,), initializer="zeros")

    def call(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        rank = max(len(part.shape) for part in parts)
        total = self.bias
        for part, kernel in sorted(zip(parts, self.kernels, strict=True), key=lambda pair: len(pair[0].shape)):
            product = tf.matmul(part, kernel) if len(part.shape) == 2 else tf.tensordot(part, kernel, 1)
            while len(product.shape) < rank:
                product = tf.expand_dims(product, -2)
            total = total + product
        return total


class MLP(keras.layers.Layer):
    """Dense layers with an activation after each: `h ← f(W·h + b)`; the first one takes parts (see `SplitDense`).

    Args:
        units: widths of the layers.
        activation_name: `relu`, `prelu`, `dice`, `sigmoid`, …
        dropout: share of units dropped in training after each layer.

    Example:
        >>> MLP((200, 80), "dice")([profile, interest, candidate], mask=candidate_mask)     # [R, N, 80]
    """

    def __init__(self, units: Sequence[int], activation_name: str = "relu", dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.dense = [SplitDense(units[0])] + [keras.layers.Dense(width) for width in units[1:]]
        self.activations = [activation(activation_name) for _ in units]
        self.dropout = Dropout(dropout) if dropout else None

    def call(self, parts: Sequence[tf.Tensor], mask: tf.Tensor | None = None) -> tf.Tensor:
        hidden = list(parts)
        for dense, activation_layer in zip(self.dense, self.activations, strict=True):
            hidden = activate(activation_layer, dense(hidden), mask)
            if self.dropout is not None:
                hidden = self.dropout(hidden)
        return hidden


def _given(value: tf.Tensor):
    return lambda shape, dtype=None, **_: tf.cast(value, dtype or tf.float32)


def flat_product(rows: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`[..., H]` of rows `[..., W]` and a kernel `[W, H]`, as one matrix product: a batched one is made of many small ones."""
    flat = tf.matmul(tf.reshape(rows, [-1, rows.shape[-1]]), kernel)
    return tf.reshape(flat, tf.concat([tf.shape(rows)[:-1], [kernel.shape[1]]], 0))
