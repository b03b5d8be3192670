"""The first layer of an attention unit over pairs of candidate and event, without making the pairs' concatenation."""

from __future__ import annotations

from zoo.keras import keras, tf
from zoo.layers.embeddings import Behaviours, Candidates, same_ids


class PairDense(keras.layers.Layer):
    """A dense layer over `[q_n; k_t; q_n ⊙ k_t; context_t; match_nt]` of every candidate n and event t.

    Where most places are real events, all pairs are one product of each request: the layer is a linear function of the
    event, and its matrix `W_k + diag(q_n)·W_p` the candidate's. Elsewhere the pairs of real events alone are made, and the
    cost follows the true lengths of the histories. Both give the same numbers.

    The gradient is written out: what belongs to a candidate or to an event is summed first and multiplied then, and nothing
    but the inputs is kept for it.

    Args:
        units: H.
        match: whether equal ids of candidate and event are inputs.

    Example:
        >>> rows, places = PairDense(80, match=True)(candidates, behaviours)     # [P, 80], [P]
    """

    # Share of real places above which the padded product is the cheaper one (measured; docs/results.md).
    DENSE_FROM = 0.75

    def __init__(self, units: int, match: bool, **kwargs):
        super().__init__(**kwargs)
        self.units, self.match = units, match

    def call(self, candidates: Candidates, behaviours: Behaviours) -> tuple[tf.Tensor, tf.Tensor]:
        """Values `[P, H]` of P pairs, real ones and perhaps others, and their places `[P]` in `[R, N, T]`, flattened."""
        width, context = candidates.query.shape[-1], behaviours.context.shape[-1]
        ids = candidates.ids.shape[-1] if self.match else 0
        if not self.weights:
            with tf.init_scope():
                self.kernel = self.add_weight("kernel", (3 * width + context + ids, self.units), initializer="glorot_uniform")
                self.bias = self.add_weight("bias", (self.units,), initializer="zeros")
        arguments = (behaviours.mask, candidates.ids[..., :ids], behaviours.ids[..., :ids])
        every, real = _EveryPair(*arguments), _RealPairs(*arguments)
        dense = tf.reduce_mean(behaviours.mask) >= self.DENSE_FROM

        @tf.custom_gradient
        def values(query, events, kernel, bias):
            # Kernels of the candidate, the event, their product, and of context and flags.
            pieces = tf.split(kernel, [width, width, width, context + ids], 0)
            rows = tf.cond(dense, lambda: every.values(query, events, *pieces, bias),
                           lambda: real.values(query, events, *pieces, bias))

            def gradient(upstream):
                return tf.cond(dense, lambda: every.gradient(upstream, query, events, *pieces),
                               lambda: real.gradient(upstream, query, events, *pieces))

            return rows, gradient

        events = tf.concat([behaviours.keys, behaviours.context], -1)
        rows = values(candidates.query, events, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))
        return rows, tf.cond(dense, every.places, real.places)


class _Pairs:
    """What both ways share: the gradient, in terms of how pairs are laid out."""

    def __init__(self, mask: tf.Tensor, candidate_ids: tf.Tensor, event_ids: tf.Tensor):
        self.requests, self.length = tf.unstack(tf.shape(mask))
        self.count = tf.shape(candidate_ids)[1]
        self.candidate_ids, self.event_ids = candidate_ids, event_ids
        self.where = tf.where(mask > 0)
        self.owner = self.where[:, 0]

    def gradient(self, upstream, query, events, of_q, of_k, of_p, of_o) -> tuple[tf.Tensor, ...]:
        """Gradients of query, events, kernel and bias."""
        width, units = of_k.shape
        others = events.shape[-1] - width
        event, pair_query, pair_key = self.of_event(events), self.of_query(query), self.key(events, width)
        product = self.laid_out(tf.matmul(upstream, of_p, transpose_b=True), width)
        upstream = self.laid_out(upstream, units)
        an_event, a_candidate = self.over_candidates(upstream), self.over_events(upstream)
        of_event = tf.matmul(an_event, tf.concat([of_k, of_o[:others]], 0), transpose_b=True)
        of_event += tf.pad(self.over_candidates(product * pair_query), [[0, 0]] * (len(of_event.shape) - 1) + [[0, others]])
        of_query = tf.matmul(a_candidate, of_q, transpose_b=True) + self.over_events(product * pair_key)
        of_kernel = [_outer(query, a_candidate), _outer(event[..., :width], an_event), _outer(pair_query * pair_key, upstream),
                     _outer(event[..., width:], an_event), _outer(self.flags(), upstream)]
        return of_query, self.to_events(of_event, events), tf.concat(of_kernel, 0), tf.reduce_sum(a_candidate, [0, 1])


class _EveryPair(_Pairs):
    """Pairs as `[R, N, T]`, padding among them."""

    def places(self) -> tf.Tensor:
        return tf.range(self.requests * self.count * self.length)

    def values(self, query, events, of_q, of_k, of_p, of_o, bias) -> tf.Tensor:
        own = tf.expand_dims(tf.tensordot(query, of_q, 1) + bias, 2)
        others = tf.broadcast_to(of_o, tf.concat([[self.requests, self.count], of_o.shape], 0))
        # One matrix a candidate; its last row meets a 1 and is what belongs to the candidate alone.
        kernels = tf.concat([of_k + tf.expand_dims(query, -1) * of_p, others, own], 2)
        rows = tf.concat([tf.tile(self.key(events, None), [1, self.count, 1, 1]), self.flags(),
                          tf.ones([self.requests, self.count, self.length, 1])], -1)
        return tf.reshape(tf.matmul(rows, kernels), [-1, of_k.shape[1]])

    def flags(self) -> tf.Tensor:
        return same_ids(tf.expand_dims(self.candidate_ids, 2), tf.expand_dims(self.event_ids, 1))

    def laid_out(self, values: tf.Tensor, width: int) -> tf.Tensor:
        return tf.reshape(values, [self.requests, self.count, self.length, width])

    def of_query(self, query: tf.Tensor) -> tf.Tensor:
        return tf.expand_dims(query, 2)

    def of_event(self, events: tf.Tensor) -> tf.Tensor:
        return events

    def key(self, events: tf.Tensor, width: int | None) -> tf.Tensor:
        return tf.expand_dims(events[..., :width], 1)

    def over_candidates(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(values, 1)

    def over_events(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(values, 2)

    def to_events(self, values: tf.Tensor, events: tf.Tensor) -> tf.Tensor:
        return values


class _RealPairs(_Pairs):
    """Pairs as `[E, N]`, E real events of all requests."""

    def places(self) -> tf.Tensor:
        owner, step = (tf.cast(column, tf.int32) for column in tf.unstack(self.where, axis=1))
        first = tf.expand_dims(owner * self.count * self.length + step, 1)
        return tf.reshape(first + tf.expand_dims(tf.range(self.count) * self.length, 0), [-1])

    def values(self, query, events, of_q, of_k, of_p, of_o, bias) -> tf.Tensor:
        width, query = of_k.shape[0], self.of_query(query)
        event = tf.tile(self.key(events, None), [1, self.count, 1])
        rows = tf.concat([query, event[..., :width], query * event[..., :width], event[..., width:], self.flags()], -1)
        kernel = tf.concat([of_q, of_k, of_p, of_o], 0)
        return tf.nn.bias_add(tf.matmul(tf.reshape(rows, [-1, kernel.shape[0]]), kernel), bias)

    def flags(self) -> tf.Tensor:
        ids = tf.gather(self.candidate_ids, self.owner)
        if not ids.shape[-1]:  # nothing can be gathered from events without ids
            return tf.cast(ids, tf.float32)
        return same_ids(ids, tf.expand_dims(tf.gather_nd(self.event_ids, self.where), 1))

    def laid_out(self, values: tf.Tensor, width: int) -> tf.Tensor:
        return tf.reshape(values, [-1, self.count, width])

    def of_query(self, query: tf.Tensor) -> tf.Tensor:
        return tf.gather(query, self.owner)

    def of_event(self, events: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(events, self.where)

    def key(self, events: tf.Tensor, width: int | None) -> tf.Tensor:
        return tf.expand_dims(self.of_event(events)[:, :width], 1)

    def over_candidates(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(values, 1)

    def over_events(self, values: tf.Tensor) -> tf.Tensor:
        return tf.math.unsorted_segment_sum(values, self.owner, self.requests)

    def to_events(self, values: tf.Tensor, events: tf.Tensor) -> tf.Tensor:
        return tf.scatter_nd(self.where, values, tf.shape(events, tf.int64))


def _outer(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """`[D, H]` sum over all leading places of `a [..., D]` times `b [..., H]`; D may be 0."""
    if not a.shape[-1]:
        return tf.zeros((0, b.shape[-1]))
    return tf.matmul(tf.reshape(a, [-1, a.shape[-1]]), tf.reshape(b, [-1, b.shape[-1]]), transpose_a=True)
