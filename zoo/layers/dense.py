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
        total: tf.Tensor | None = None
        for rank in sorted({len(part.shape) for part in parts}):
            # Parts of one level stand side by side: they are narrow, and a second product would be as wide as the layer.
            level = [pair for pair in zip(parts, self.kernels, strict=True) if len(pair[0].shape) == rank]
            values, kernels = (together[0] if len(level) == 1 else tf.concat(together, axis)
                               for together, axis in zip(zip(*level, strict=True), (-1, 0), strict=True))
            product = flat_product(values, kernels, self.bias if total is None else None)
            total = product if total is None else _raised(total, rank) + product
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
        first, *layers = self.dense
        hidden = first(list(parts))
        places, hidden = tf.shape(hidden)[:-1], tf.reshape(hidden, [-1, hidden.shape[-1]])
        mask = None if mask is None else tf.reshape(tf.broadcast_to(mask, places), [-1])
        hidden = self._after(0, hidden, mask)
        for number, layer in enumerate(layers, 1):
            hidden = self._after(number, layer(hidden), mask)
        return tf.reshape(hidden, tf.concat([places, hidden.shape[-1:]], 0))

    def _after(self, number: int, rows: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        rows = activate(self.activations[number], rows, mask)
        return rows if self.dropout is None else self.dropout(rows)


def _given(value: tf.Tensor):
    return lambda shape, dtype=None, **_: tf.cast(value, dtype or tf.float32)


def flat_product(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None = None) -> tf.Tensor:
    """`[..., H]` of rows `[..., W]` and a kernel `[W, H]`, as one matrix product: a batched one is made of many small ones."""
    flat = tf.matmul(tf.reshape(rows, [-1, rows.shape[-1]]), kernel)
    flat = flat if bias is None else tf.nn.bias_add(flat, bias)
    return flat if len(rows.shape) == 2 else tf.reshape(flat, tf.concat([tf.shape(rows)[:-1], [kernel.shape[1]]], 0))


def _raised(values: tf.Tensor, rank: int) -> tf.Tensor:
    """`[..., 1, H]` of this rank, as many ones as it takes, of values `[..., H]`."""
    while len(values.shape) < rank:
        values = tf.expand_dims(values, -2)
    return values
