"""The first layer of an attention unit over pairs of candidate and event, without making the pairs' concatenation."""

from __future__ import annotations

from collections.abc import Callable

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, same_ids
from zoo.layers.dense import flat_product


class EveryPair:
    """All pairs of the N candidates and T events of a request, padding among them: P = R·N·T rows.

    Args:
        candidates: `query [R, N, D]` and ids `[R, N, F]`.
        behaviours: `keys [R, T, D]`, `context [R, T, C]` and ids `[R, T, F]`.
        match: whether equal ids of candidate and event are inputs.
    """

    def __init__(self, candidates: EmbeddedCandidates, behaviours: Behaviours, match: bool):
        self.query, self.events = candidates.query, behaviours.events
        self.mask = tf.expand_dims(candidates.mask, 2) * tf.expand_dims(behaviours.mask, 1)
        self.ids = candidates.ids if match else candidates.ids[..., :0]
        self.event_ids = behaviours.ids if match else behaviours.ids[..., :0]

    def width(self) -> int:
        """Inputs of the layer: `3·D + C + F`."""
        return 2 * self.query.shape[-1] + self.events.shape[-1] + self.ids.shape[-1]

    def of_candidates(self, values: tf.Tensor) -> tf.Tensor:
        """`[R, N, ·]` of the candidates, broadcastable over their pairs."""
        return tf.expand_dims(values, 2)

    def of_events(self, values: tf.Tensor) -> tf.Tensor:
        """`[R, T, ·]` of the events, broadcastable over their pairs."""
        return tf.expand_dims(values, 1)

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        """`[P]` of values `[R, N, T]`."""
        return tf.reshape(values, [-1])

    def laid_out(self, rows: tf.Tensor) -> tf.Tensor:
        """`[R, N, T]` of rows `[P]`; 0 where there is none."""
        return tf.reshape(rows, tf.shape(self.mask))


class RealPairs(EveryPair):
    """The pairs of the E real events with the N candidates of their request: P = E·N rows.

    The cost follows the true lengths of the histories; events and candidates have to be gathered for it.
    """

    def __init__(self, candidates: EmbeddedCandidates, behaviours: Behaviours, match: bool):
        super().__init__(candidates, behaviours, match)
        self.where = tf.where(behaviours.mask > 0)
        self.events = tf.gather_nd(self.events, self.where)
        if self.ids.shape[-1]:  # nothing can be gathered from events without ids
            self.event_ids = tf.gather_nd(self.event_ids, self.where)

    def of_candidates(self, values: tf.Tensor) -> tf.Tensor:
        """`[E, N, ·]`: each real event's request."""
        return tf.gather(values, self.where[:, 0])

    def of_events(self, values: tf.Tensor) -> tf.Tensor:
        """`[E, ·]` of the real events, broadcastable over their pairs."""
        return tf.expand_dims(values, 1)

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        return tf.gather(super().rows(values), self._places())

    def laid_out(self, rows: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(self.mask)
        return tf.reshape(tf.scatter_nd(tf.expand_dims(self._places(), 1), rows, [tf.reduce_prod(shape)]), shape)

    def _places(self) -> tf.Tensor:
        """`[P]` of the flattened `[R, N, T]`: the pair of candidate n and event t of request r stands at `(r·N + n)·T + t`."""
        _, count, length = tf.unstack(tf.shape(self.mask))
        owner, step = (tf.cast(column, tf.int32) for column in tf.unstack(self.where, axis=1))
        first = tf.expand_dims(owner * count * length + step, 1)
        return tf.reshape(first + tf.expand_dims(tf.range(count) * length, 0), [-1])


class SomePairs(EveryPair):
    """Chosen pairs of one request: P rows, in the order of `where`.

    Args:
        where: `[P, 2]` places of candidate and event.
    """

    def __init__(self, candidates: EmbeddedCandidates, behaviours: Behaviours, match: bool, where: tf.Tensor):
        super().__init__(candidates, behaviours, match)
        self.where = where

    def of_candidates(self, values: tf.Tensor) -> tf.Tensor:
        """`[P, ·]`: each pair's candidate."""
        return tf.gather(values[0], self.where[:, 0])

    def of_events(self, values: tf.Tensor) -> tf.Tensor:
        """`[P, ·]`: each pair's event."""
        return tf.gather(values[0], self.where[:, 1])


class PairDense(keras.layers.Layer):
    """A dense layer over `[q_n; k_t; q_n ⊙ k_t; c_t; m_nt]` of pairs of candidate n and event t: query, key, context, match.

    The concatenation is not made. Each of its parts has its rows of the kernel, and what belongs to a candidate or to an event
    alone is multiplied once for it, and added to its pairs:

    `z_nt = (W_qᵀq_n + b) + (W_kᵀk_t + W_cᵀc_t) + W_pᵀ(q_n ⊙ k_t) + W_mᵀm_nt`.

    The way back is as cheap, and the tape finds it by itself. With `g_nt = ∂L/∂z_nt`, adding to the pairs becomes a sum over
    them, which comes before the product: `∂L/∂W_q = Σ_n q_n (Σ_t g_nt)ᵀ`, `∂L/∂q_n = W_q Σ_t g_nt + Σ_t k_t ⊙ W_p g_nt`, and
    the same for events with n and t exchanged. Measured, DIN's step takes 0.96 to 1.09 times the CPU time that it took with
    these gradients written by hand.

    Args:
        units: H.

    Example:
        >>> PairDense(80)(EveryPair(candidates, behaviours, match=True))     # [R·N·T, 80]
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def make(self, width: int) -> None:
        """Makes the weights, once, for this many inputs."""
        if not self.weights:
            with tf.init_scope():
                self.kernel = self.add_weight("kernel", (width, self.units), initializer="glorot_uniform")
                self.bias = self.add_weight("bias", (self.units,), initializer="zeros")

    def call(self, pairs: EveryPair, scale: float = 1.0) -> tf.Tensor:
        """`[P, H]`, times `scale`."""
        self.make(pairs.width())
        dim, fields = pairs.query.shape[-1], pairs.ids.shape[-1]
        of_query, of_key, of_product, of_context, of_match = self._kernels(pairs, scale)
        rows = pairs.of_candidates(pairs.query) * pairs.of_events(pairs.events[..., :dim])
        if fields:
            rows = tf.concat([rows, same_ids(pairs.of_candidates(pairs.ids), pairs.of_events(pairs.event_ids))], -1)
        total = flat_product(rows, tf.concat([of_product, of_match], 0))
        total += pairs.of_candidates(flat_product(pairs.query, of_query) + scale * self.bias)
        total += pairs.of_events(flat_product(pairs.events, tf.concat([of_key, of_context], 0)))
        return tf.reshape(total, [-1, self.units])

    def unlike(self, pairs: EveryPair, events: tf.Tensor, scale: float,
               activation: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """`[N·T, H]` of one request's candidates and some events as if none had an id in common, times `scale`, activated.

        `z_nt = (W_q + diag(k_t)·W_p)ᵀq_n + (W_kᵀk_t + W_cᵀc_t + b)`: with the kernels of all events side by side, the layer is
        one product `[N, D]` by `[D, T·H]`, which adds the bias and activates while its results are still at hand.

        Args:
            pairs: of one request.
            events: `[T, D + C]`.
            scale: of the layer.
            activation: elementwise, the same for all units.
        """
        of_query, of_key, of_product, of_context, _ = self._kernels(pairs, scale)
        dim = pairs.query.shape[-1]
        keys = tf.expand_dims(tf.transpose(events[:, :dim]), 2)
        kernels = tf.reshape(tf.expand_dims(of_query, 1) + keys * tf.expand_dims(of_product, 1), [dim, -1])
        biases = tf.nn.bias_add(tf.matmul(events, tf.concat([of_key, of_context], 0)), scale * self.bias)
        rows = tf.nn.bias_add(tf.matmul(pairs.query[0], kernels), tf.reshape(biases, [-1]))
        return tf.reshape(activation(rows), [-1, self.units])

    def _kernels(self, pairs: EveryPair, scale: float) -> list[tf.Tensor]:
        """Rows of the kernel for query, key, product, context and match, times `scale`."""
        dim = pairs.query.shape[-1]
        return tf.split(scale * self.kernel, [dim, dim, dim, pairs.events.shape[-1] - dim, pairs.ids.shape[-1]], 0)
