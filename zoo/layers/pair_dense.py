"""The first layer of an attention unit over pairs of candidate and event, without making the pairs' concatenation."""

from __future__ import annotations

from typing import NamedTuple

from zoo.keras import keras, tf
from zoo.layers.embeddings import Behaviours, Candidates, same_ids


class Pairs(NamedTuple):
    """Where the P rows of `PairDense` lie in `[R, N, T]`.

    Args:
        some: `[]` whether only real pairs have a row; otherwise, all places have one, in their order.
        places: `[P]` of the flattened `[R, N, T]`, where only some have one; empty otherwise.
    """

    some: tf.Tensor
    places: tf.Tensor

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        """`[P]` of values `[R, N, T]`."""
        flat = tf.reshape(values, [-1])
        return tf.cond(self.some, lambda: tf.gather(flat, self.places), lambda: flat)

    def laid_out(self, rows: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        """Rows `[P]` as `shape = [R, N, T]`; 0 where there is none."""
        def scattered():
            return tf.reshape(tf.scatter_nd(tf.expand_dims(self.places, 1), rows, [tf.reduce_prod(shape)]), shape)

        def reshaped():
            # All rows by a slice: from a reshape to a known shape, TensorFlow's graph optimizer infers how many rows there are,
            # and believes it in the other branch and in gradients, too.
            return tf.reshape(rows[:tf.shape(rows)[0]], shape)

        return tf.cond(self.some, scattered, reshaped)


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
        ours = (behaviours.mask, candidates.ids[..., :ids], behaviours.ids[..., :ids])
        every, real = _EveryPair(*ours), _RealPairs(*ours)
        some = tf.reduce_mean(behaviours.mask) < self.DENSE_FROM

        @tf.custom_gradient
        def values(query, events, kernel, bias):
            # Kernels of the candidate, the event, their product, and of context and flags.
            pieces = tf.split(kernel, [width, width, width, context + ids], 0)

            def gradient(upstream):
                return tf.cond(some, lambda: real.gradient(upstream, query, events, *pieces),
                               lambda: every.gradient(upstream, query, events, *pieces, bias))

            return tf.cond(some, lambda: real.values(query, events, *pieces, bias),
                           lambda: every.values(query, events, *pieces, bias)), gradient

        rows = values(candidates.query, tf.concat([behaviours.keys, behaviours.context], -1),
                      tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))
        return rows, Pairs(some, tf.cond(some, real.places, lambda: tf.zeros([0], tf.int32)))


class _EveryPair:
    """Pairs as `[R, N, T]`, padding among them: rows `[k_t; context_t; match_nt; 1]` by the candidate's matrix.

    The matrices of all candidates are one product, `[q_n; 1]` by a maker `[D + 1, E, H]`, E the width of the rows.
    """

    def __init__(self, mask: tf.Tensor, candidate_ids: tf.Tensor, event_ids: tf.Tensor):
        self.candidate_ids, self.event_ids = candidate_ids, event_ids
        self.shape = tf.stack([tf.shape(mask)[0], tf.shape(candidate_ids)[1], tf.shape(mask)[1]])

    def values(self, query, events, *kernel) -> tf.Tensor:
        maker = self.maker(*kernel)
        rows = tf.matmul(self.rows(query, events), self.matrices(query, maker))
        return tf.reshape(rows, [-1, maker.shape[2]])

    def gradient(self, upstream, query, events, *kernel) -> tuple[tf.Tensor, ...]:
        """Gradients of query, events, kernel and bias."""
        maker, width, others = self.maker(*kernel), query.shape[-1], events.shape[-1]
        rows = self.rows(query, events)
        upstream = tf.reshape(upstream, [*tf.unstack(self.shape), maker.shape[2]])
        # The matrices once more, the other way round: a batched product with a transposed factor takes twice as long.
        of_events = tf.matmul(upstream, self.matrices(query, tf.transpose(maker[:, :others], [0, 2, 1])))
        of_matrices = tf.reshape(tf.matmul(rows, upstream, transpose_a=True), [-1, maker.shape[1] * maker.shape[2]])
        of_query = tf.matmul(of_matrices, tf.reshape(maker[:width], [width, -1]), transpose_b=True)
        of_maker = tf.reshape(tf.matmul(self.queries(query), of_matrices, transpose_a=True), maker.shape)
        fixed = of_maker[width]
        of_p = tf.linalg.diag_part(tf.transpose(of_maker[:width, :width], [2, 0, 1]))
        of_kernel = tf.concat([of_maker[:width, -1], fixed[:width], tf.transpose(of_p), fixed[width:-1]], 0)
        return tf.reshape(of_query, tf.shape(query)), tf.reduce_sum(of_events, 1), of_kernel, fixed[-1]

    def rows(self, query: tf.Tensor, events: tf.Tensor) -> tf.Tensor:
        """`[R, N, T, E]`."""
        events = tf.tile(tf.expand_dims(events, 1), [1, self.shape[1], 1, 1])
        flags = same_ids(tf.expand_dims(self.candidate_ids, 2), tf.expand_dims(self.event_ids, 1))
        return tf.concat([events, flags, tf.ones([*tf.unstack(self.shape), 1])], -1)

    def maker(self, of_q, of_k, of_p, of_o, bias) -> tf.Tensor:
        """`[D + 1, E, H]`: q_d scales row d of the keys' part and adds to the last row, whose input is 1."""
        width = of_k.shape[0]
        scaled = [tf.expand_dims(tf.eye(width), 2) * of_p, tf.zeros([width, *of_o.shape]), tf.expand_dims(of_q, 1)]
        fixed = tf.concat([of_k, of_o, tf.expand_dims(bias, 0)], 0)
        return tf.concat([tf.concat(scaled, 1), tf.expand_dims(fixed, 0)], 0)

    def matrices(self, query: tf.Tensor, maker: tf.Tensor) -> tf.Tensor:
        """`[R, N, …]`: a candidate's slice of the maker."""
        made = tf.matmul(self.queries(query), tf.reshape(maker, [maker.shape[0], -1]))
        return tf.reshape(made, [*tf.unstack(self.shape[:2]), *maker.shape[1:]])

    def queries(self, query: tf.Tensor) -> tf.Tensor:
        """`[R·N, D + 1]` with a 1 at the end."""
        return tf.reshape(tf.concat([query, tf.ones_like(query[..., :1])], -1), [-1, query.shape[-1] + 1])


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
        """Gradients of query, events, kernel and bias."""
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
        of_kernel = [_outer(query, a_candidate), _outer(event[:, :width], an_event), _outer(pair_query * pair_key, upstream),
                     _outer(event[:, width:], an_event), _outer(self.flags(), upstream)]
        return (of_query, tf.scatter_nd(self.where, of_event, tf.shape(events, tf.int64)), tf.concat(of_kernel, 0),
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
