"""The first layer of an attention unit over pairs of candidate and event, without making the pairs' concatenation."""

from __future__ import annotations

from typing import NamedTuple

from zoo.keras import keras, tf
from zoo.layers.embeddings import Behaviours, Candidates, same_ids


class Pairs(NamedTuple):
    """Where the P rows of `PairDense` lie in `[R, N, T]`.

    Args:
        every: `[]` whether all places have a row, in their order.
        places: `[P]` of the flattened `[R, N, T]`, where only real pairs have one; empty otherwise.
    """

    every: tf.Tensor
    places: tf.Tensor

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        """`[P]` of values `[R, N, T]`."""
        flat = tf.reshape(values, [-1])
        return tf.cond(self.every, lambda: flat, lambda: tf.gather(flat, self.places))

    def laid_out(self, rows: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        """Rows `[P]` as `shape = [R, N, T]`; 0 where there is none."""
        return tf.cond(self.every, lambda: tf.reshape(rows, shape), lambda: tf.reshape(
            tf.scatter_nd(tf.expand_dims(self.places, 1), rows, [tf.reduce_prod(shape)]), shape))


class PairDense(keras.layers.Layer):
    """A dense layer over `[q_n; k_t; q_n ⊙ k_t; context_t; match_nt]` of every candidate n and event t.

    Where most places are real events, all pairs are one product of each candidate: the layer is bilinear in `[q_n; 1]` and
    `[k_t; context_t; match_nt; 1]`, so a candidate has a matrix `W_k + diag(q_n)·W_p` for its events, and all of these
    matrices are one product as well. Elsewhere the pairs of real events alone are made, and the cost follows the true lengths
    of the histories. Both give the same numbers.

    Args:
        units: H.
        match: whether equal ids of candidate and event are inputs.

    Example:
        >>> rows, pairs = PairDense(80, match=True)(candidates, behaviours)     # [P, 80]
    """

    # Share of real places above which the padded product is the cheaper one (measured; docs/results.md).
    DENSE_FROM = 0.75

    def __init__(self, units: int, match: bool, **kwargs):
        super().__init__(**kwargs)
        self.units, self.match = units, match

    def call(self, candidates: Candidates, behaviours: Behaviours) -> tuple[tf.Tensor, Pairs]:
        """Values `[P, H]` of P pairs, real ones and perhaps others, and where they lie."""
        width, context = candidates.query.shape[-1], behaviours.context.shape[-1]
        ids = candidates.ids.shape[-1] if self.match else 0
        if not self.weights:
            with tf.init_scope():
                self.kernel = self.add_weight("kernel", (3 * width + context + ids, self.units), initializer="glorot_uniform")
                self.bias = self.add_weight("bias", (self.units,), initializer="zeros")
        # Kernels of the candidate, the event, their product, and of context and flags.
        pieces = tf.split(self.kernel, [width, width, width, context + ids], 0)
        arguments = (candidates.query, tf.concat([behaviours.keys, behaviours.context], -1), *pieces,
                     tf.convert_to_tensor(self.bias))
        candidate_ids, event_ids = candidates.ids[..., :ids], behaviours.ids[..., :ids]
        real = _RealPairs(behaviours.mask, candidate_ids, event_ids)
        every = tf.reduce_mean(behaviours.mask) >= self.DENSE_FROM
        rows = tf.cond(every, lambda: _every_pair(candidate_ids, event_ids, *arguments), lambda: real(*arguments))
        return rows, Pairs(every, tf.cond(every, lambda: tf.zeros([0], tf.int32), real.places))


def _every_pair(candidate_ids, event_ids, query, events, of_q, of_k, of_p, of_o, bias) -> tf.Tensor:
    """Values of all places of `[R, N, T]`, padding among them."""
    width, units = of_k.shape
    requests, count, length = tf.shape(query)[0], tf.shape(query)[1], tf.shape(events)[1]
    flags = same_ids(tf.expand_dims(candidate_ids, 2), tf.expand_dims(event_ids, 1))
    # From [q; 1] to the candidate's matrix: q_d scales row d of the keys' part; the last row meets a 1 of the event.
    scaled = tf.concat([tf.expand_dims(tf.eye(width), 2) * of_p, tf.zeros([width, *of_o.shape]), tf.expand_dims(of_q, 1)], 1)
    fixed = tf.expand_dims(tf.concat([of_k, of_o, tf.expand_dims(bias, 0)], 0), 0)
    queries = tf.reshape(tf.concat([query, tf.ones([requests, count, 1])], -1), [-1, width + 1])
    matrices = tf.matmul(queries, tf.reshape(tf.concat([scaled, fixed], 0), [width + 1, -1]))
    rows = tf.concat([tf.tile(tf.expand_dims(events, 1), [1, count, 1, 1]), flags, tf.ones([requests, count, length, 1])], -1)
    return tf.reshape(tf.matmul(rows, tf.reshape(matrices, [requests, count, -1, units])), [-1, units])


class _RealPairs:
    """Pairs as `[E, N]`, E real events of all requests.

    The gradient is written out: what belongs to a candidate or to an event is summed first and multiplied then, and nothing
    but the inputs is kept for it.
    """

    def __init__(self, mask: tf.Tensor, candidate_ids: tf.Tensor, event_ids: tf.Tensor):
        self.requests, self.length = tf.unstack(tf.shape(mask))
        self.count = tf.shape(candidate_ids)[1]
        self.candidate_ids, self.event_ids = candidate_ids, event_ids
        self.where = tf.where(mask > 0)
        self.owner = self.where[:, 0]

    def __call__(self, *arguments: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def values(query, events, of_q, of_k, of_p, of_o, bias):
            return (self.values(query, events, of_q, of_k, of_p, of_o, bias),
                    lambda upstream: self.gradient(upstream, query, events, of_q, of_k, of_p, of_o))

        return values(*arguments)

    def places(self) -> tf.Tensor:
        owner, step = (tf.cast(column, tf.int32) for column in tf.unstack(self.where, axis=1))
        first = tf.expand_dims(owner * self.count * self.length + step, 1)
        return tf.reshape(first + tf.expand_dims(tf.range(self.count) * self.length, 0), [-1])

    def values(self, query, events, of_q, of_k, of_p, of_o, bias) -> tf.Tensor:
        width, query = of_k.shape[0], tf.gather(query, self.owner)
        event = tf.tile(tf.expand_dims(tf.gather_nd(events, self.where), 1), [1, self.count, 1])
        rows = tf.concat([query, event[..., :width], query * event[..., :width], event[..., width:], self.flags()], -1)
        kernel = tf.concat([of_q, of_k, of_p, of_o], 0)
        return tf.nn.bias_add(tf.matmul(tf.reshape(rows, [-1, kernel.shape[0]]), kernel), bias)

    def gradient(self, upstream, query, events, of_q, of_k, of_p, of_o) -> tuple[tf.Tensor, ...]:
        """Gradients of query, events, the kernel's pieces and bias."""
        width, units = of_k.shape
        others = events.shape[-1] - width
        event, pair_query = tf.gather_nd(events, self.where), tf.gather(query, self.owner)
        pair_key = tf.expand_dims(event[:, :width], 1)
        product = tf.reshape(tf.matmul(upstream, of_p, transpose_b=True), [-1, self.count, width])
        upstream = tf.reshape(upstream, [-1, self.count, units])
        an_event, a_candidate = tf.reduce_sum(upstream, 1), self.over_events(upstream)
        of_event = tf.matmul(an_event, tf.concat([of_k, of_o[:others]], 0), transpose_b=True)
        of_event += tf.pad(tf.reduce_sum(product * pair_query, 1), [[0, 0], [0, others]])
        of_query = tf.matmul(a_candidate, of_q, transpose_b=True) + self.over_events(product * pair_key)
        of_others = tf.concat([_outer(event[:, width:], an_event), _outer(self.flags(), upstream)], 0)
        return (of_query, tf.scatter_nd(self.where, of_event, tf.shape(events, tf.int64)), _outer(query, a_candidate),
                _outer(event[:, :width], an_event), _outer(pair_query * pair_key, upstream), of_others,
                tf.reduce_sum(a_candidate, [0, 1]))

    def flags(self) -> tf.Tensor:
        ids = tf.gather(self.candidate_ids, self.owner)
        if not ids.shape[-1]:  # nothing can be gathered from events without ids
            return tf.cast(ids, tf.float32)
        return same_ids(ids, tf.expand_dims(tf.gather_nd(self.event_ids, self.where), 1))

    def over_events(self, values: tf.Tensor) -> tf.Tensor:
        return tf.math.unsorted_segment_sum(values, self.owner, self.requests)


def _outer(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """`[D, H]` sum over all leading places of `a [..., D]` times `b [..., H]`; D may be 0."""
    if not a.shape[-1]:
        return tf.zeros((0, b.shape[-1]))
    return tf.matmul(tf.reshape(a, [-1, a.shape[-1]]), tf.reshape(b, [-1, b.shape[-1]]), transpose_a=True)
