"""Gated recurrence over a history, with weights from outside in its update gate: GRU, AGRU and both AUGRUs."""

from __future__ import annotations

from zoo.keras import keras, tf
from zoo.layers.parts import InParts


class GatedRecurrence(keras.layers.Layer):
    """A GRU whose update gate is moved from outside: one layer for GRU, AGRU and AUGRU.

    `u = σ(W_u x + U_u h + b_u)`, `r = σ(W_r x + U_r h + b_r)`, `h̃ = tanh(W_h x + b_h + r ⊙ U_h h)`,
    `g = α + β·u`, `h ← (1 − g) ⊙ h + g ⊙ h̃`.

    α and β are numbers for each row and step: (0, 1) is a GRU, (a, 0) AGRU, (0, a) the AUGRU of DIEN's paper,
    (a, 1 − a) that of its published code; (0, 0) leaves the state as it is, which is what padding needs.

    Args:
        units: width H of the state.

    Example:
        >>> GatedRecurrence(32)(events, tf.zeros_like(mask), mask)      # [R, T, D], [R, 1, T] twice -> [R, 1, T, 32]

    Source: Zhou et al., Deep Interest Evolution Network, AAAI 2019, sections 4.2 and 4.3.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (shape[-1], 3 * self.units), initializer="glorot_uniform")
        self.recurrent = self.add_weight(
            "recurrent", (self.units, 3 * self.units), initializer=_orthogonal_blocks(self.units))
        self.bias = self.add_weight("bias", (3 * self.units,), initializer="zeros")
        self.states_by = InParts(self._states)

    def call(self, inputs: tf.Tensor, alpha: tf.Tensor, beta: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """States after each step.

        Args:
            inputs: `[R, T, D]`, shared by all N rows of a request: projected once.
            alpha: `[R, N, T]`.
            beta: `[R, N, T]`.

        Returns:
            `[R, N, T, H]`.
        """
        return self.states_by(inputs, alpha, beta, training=training)

    def _states(self, inputs: tf.Tensor, alpha: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        steps = tf.transpose(tf.tensordot(inputs, self.kernel, 1) + self.bias, [1, 0, 2])
        by_step = [tf.transpose(values, [2, 0, 1]) for values in (alpha, beta)]
        return tf.transpose(_recurrence(steps, self.recurrent, *by_step), [1, 2, 0, 3])


@tf.custom_gradient
def _recurrence(inputs: tf.Tensor, recurrent: tf.Tensor, alpha: tf.Tensor, beta: tf.Tensor):
    """`[T, R, 3H]` projected inputs, `[H, 3H]`, `[T, R, N]` twice, to `[T, R, N, H]` states.

    The gradient is written out: only states are kept, the gates of all steps are computed again at once, and the loop
    backwards is left with one product a step. Derived by the tape, the loop keeps and copies every gate of every step.
    """
    length, width = tf.shape(inputs)[0], recurrent.shape[0]
    start = tf.zeros(tf.concat([tf.shape(alpha)[1:], [width]], 0))

    def step(t: tf.Tensor, state: tf.Tensor, states: tf.TensorArray):
        update, _, _, new = _gates(tf.expand_dims(inputs[t], 1), _product(state, recurrent))
        gate = tf.expand_dims(alpha[t], -1) + tf.expand_dims(beta[t], -1) * update
        state = state + gate * (new - state)
        return t + 1, state, states.write(t, state)

    array = tf.TensorArray(tf.float32, length, element_shape=[None, None, width])
    _, _, array = tf.while_loop(lambda t, *_: t < length, step, (0, start, array), maximum_iterations=length)
    states = _stacked(array, tf.shape(alpha), width)

    def gradient(upstream: tf.Tensor):
        before = tf.concat([tf.expand_dims(start, 0), states[:-1]], 0)
        update, reset, candidate, new = _gates(tf.expand_dims(inputs, 2), _product(before, recurrent))
        scale = tf.expand_dims(beta, -1)
        gate = tf.expand_dims(alpha, -1) + scale * update
        to_gate = new - before
        to_new = gate * (1 - tf.square(new))
        # What one unit of ∂L/∂h means for the three products with the state: update, reset, candidate.
        factors = tf.concat([to_gate * scale * update * (1 - update),
                             to_new * candidate * reset * (1 - reset), to_new * reset], -1)
        keep, transposed = 1 - gate, tf.transpose(recurrent)

        def back(t: tf.Tensor, carried: tf.Tensor, arrived: tf.TensorArray, products: tf.TensorArray):
            total = carried + upstream[t]
            product = tf.tile(total, [1, 1, 3]) * factors[t]
            return (t - 1, total * keep[t] + _product(product, transposed), arrived.write(t, total),
                    products.write(t, product))

        arrays = [tf.TensorArray(tf.float32, length, element_shape=[None, None, n * width]) for n in (1, 3)]
        _, _, *arrays = tf.while_loop(lambda t, *_: t >= 0, back, (length - 1, start, *arrays), maximum_iterations=length)
        arrived, products = (_stacked(array, tf.shape(alpha), n * width) for array, n in zip(arrays, (1, 3), strict=True))
        of_gate = arrived * to_gate
        of_inputs = tf.concat([products[..., :2 * width], arrived * to_new], -1)
        return (tf.reduce_sum(of_inputs, 2),
                tf.matmul(tf.reshape(before, [-1, width]), tf.reshape(products, [-1, 3 * width]), transpose_a=True),
                tf.reduce_sum(of_gate, -1), tf.reduce_sum(of_gate * update, -1))

    return states, gradient


def _stacked(array: tf.TensorArray, shape: tf.Tensor, width: int) -> tf.Tensor:
    """`[T, R, N, width]`; an array of no steps can't be stacked, for nobody knows the shape of what it does not hold."""
    shape = tf.concat([shape, [width]], 0)
    stacked = tf.cond(shape[0] > 0, lambda: tf.reshape(array.stack(), shape), lambda: tf.zeros(shape))
    return tf.ensure_shape(stacked, [None, None, None, width])


def _gates(inputs: tf.Tensor, product: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Update gate, reset gate, the state's part of the candidate, and the candidate state."""
    of_update, of_reset, of_new = tf.split(inputs, 3, -1)
    to_update, to_reset, candidate = tf.split(product, 3, -1)
    update, reset = tf.sigmoid(of_update + to_update), tf.sigmoid(of_reset + to_reset)
    return update, reset, candidate, tf.tanh(of_new + reset * candidate)


def _product(state: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`[..., A] · [A, B]` as one matrix product."""
    flat = tf.matmul(tf.reshape(state, [-1, kernel.shape[0]]), kernel)
    return tf.reshape(flat, tf.concat([tf.shape(state)[:-1], [kernel.shape[1]]], 0))


def _orthogonal_blocks(units: int):
    """Each gate's recurrent matrix orthogonal, as recurrent networks are begun."""
    def initial(shape, dtype=None, **_):
        return tf.concat([keras.initializers.Orthogonal()((units, units)) for _ in range(3)], 1)

    return initial
