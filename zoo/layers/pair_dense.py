"""The first layer of an attention unit over pairs of candidate and event, without making the pairs' concatenation."""

from __future__ import annotations

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, match_flags, same_ids


class EveryPair:
    """All places of `[R, N, T]` as P = R·N·T rows, padding among them.

    What belongs to a candidate or to an event alone is multiplied once for it and added to its pairs; a pair has its
    product and its flags.

    Args:
        candidates: `query [R, N, D]` and ids.
        behaviours: `keys [R, T, D]`, `context [R, T, C]` and ids.
        match: whether equal ids of candidate and event are inputs.
    """

    def __init__(self, candidates: EmbeddedCandidates, behaviours: Behaviours, match: bool):
        self.query, self.behaviours = candidates.query, behaviours
        self.mask = tf.expand_dims(candidates.mask, 2) * tf.expand_dims(behaviours.mask, 1)
        self.ids = candidates.ids if match else candidates.ids[..., :0]
        self.event_ids = behaviours.ids if match else behaviours.ids[..., :0]

    def width(self) -> int:
        """Inputs of the layer: `3·D + C + F`."""
        return 3 * self.query.shape[-1] + self.behaviours.context.shape[-1] + self.ids.shape[-1]

    def dense(self, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """`[P, H]` of a kernel `[3·D + C + F, H]` over `[q; k; q ⊙ k; context; match]`."""
        flags = match_flags(self.ids, self.event_ids)
        return tf.reshape(_every_pair(self.query, self.behaviours.events, flags, kernel, bias), [-1, kernel.shape[1]])

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        """`[P]` of values `[R, N, T]`."""
        return tf.reshape(values, [-1])

    def laid_out(self, rows: tf.Tensor) -> tf.Tensor:
        """`[R, N, T]` of rows `[P]`; 0 where there is none."""
        return tf.reshape(rows, tf.shape(self.mask))


class RealPairs(EveryPair):
    """The pairs of E real events with all N candidates of their request as P = E·N rows.

    The cost follows the true lengths of the histories; events and candidates have to be gathered for it.
    """

    def __init__(self, candidates: EmbeddedCandidates, behaviours: Behaviours, match: bool):
        super().__init__(candidates, behaviours, match)
        self.where = tf.where(behaviours.mask > 0)
        self.count = tf.shape(self.query)[1]

    def dense(self, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        owner = self.where[:, 0]
        events = tf.gather_nd(self.behaviours.events, self.where)
        flags = tf.zeros([tf.shape(owner)[0], self.count, 0])
        if self.ids.shape[-1]:  # nothing can be gathered from events without ids
            flags = same_ids(tf.gather(self.ids, owner), tf.expand_dims(tf.gather_nd(self.event_ids, self.where), 1))
        return tf.reshape(_real_pairs(self.query, events, owner, flags, kernel, bias), [-1, kernel.shape[1]])

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        return tf.gather(super().rows(values), self._places())

    def laid_out(self, rows: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(self.mask)
        return tf.reshape(tf.scatter_nd(tf.expand_dims(self._places(), 1), rows, [tf.reduce_prod(shape)]), shape)

    def _places(self) -> tf.Tensor:
        """`[P]` of the flattened `[R, N, T]`."""
        owner, step = (tf.cast(column, tf.int32) for column in tf.unstack(self.where, axis=1))
        length = tf.shape(self.mask)[2]
        first = tf.expand_dims(owner * self.count * length + step, 1)
        return tf.reshape(first + tf.expand_dims(tf.range(self.count) * length, 0), [-1])


class PairDense(keras.layers.Layer):
    """A dense layer over `[q_n; k_t; q_n ⊙ k_t; context_t; match_nt]` of pairs of candidate n and event t.

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
        return pairs.dense(scale * self.kernel, scale * self.bias)


@tf.custom_gradient
def _every_pair(query: tf.Tensor, events: tf.Tensor, flags: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor):
    """`[R, N, T, H]`. The gradients of what candidates and events share are summed first and multiplied then."""
    width = query.shape[-1]
    of_q, of_k, of_p, of_context, of_flags = _pieces(kernel, width, events.shape[-1] - width)
    of_events, of_pairs = tf.concat([of_k, of_context], 0), tf.concat([of_p, of_flags], 0)
    keys, asked = tf.expand_dims(events[..., :width], 1), tf.expand_dims(query, 2)
    rows = tf.concat([asked * keys, flags], -1)
    by_candidate, by_event, pairs = _product(query, of_q) + bias, _product(events, of_events), _product(rows, of_pairs)

    def gradient(upstream: tf.Tensor):
        a_candidate, an_event = tf.reduce_sum(upstream, 2), tf.reduce_sum(upstream, 1)
        product = _product(upstream, of_p, transpose_b=True)
        to_query = _product(a_candidate, of_q, transpose_b=True) + tf.reduce_sum(product * keys, 2)
        to_events = _product(an_event, of_events, transpose_b=True) + _padded(tf.reduce_sum(product * asked, 1), events)
        from_events, from_pairs = _outer(events, an_event), _outer(rows, upstream)
        to_kernel = tf.concat([_outer(query, a_candidate), from_events[:width], from_pairs[:width],
                               from_events[width:], from_pairs[width:]], 0)
        return to_query, to_events, tf.zeros_like(flags), to_kernel, tf.reduce_sum(a_candidate, [0, 1])

    return pairs + tf.expand_dims(by_candidate, 2) + tf.expand_dims(by_event, 1), gradient


@tf.custom_gradient
def _real_pairs(query: tf.Tensor, events: tf.Tensor, owner: tf.Tensor, flags: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor):
    """`[E, N, H]` of queries `[R, N, D]` and real events `[E, D + C]`, of the requests `owner [E]`."""
    width, requests, count = query.shape[-1], tf.shape(query)[0], tf.shape(query)[1]
    of_q, of_k, of_p, of_context, of_flags = _pieces(kernel, width, events.shape[-1] - width)
    keys, asked = tf.expand_dims(events[:, :width], 1), tf.gather(query, owner)
    rows = tf.concat([asked, tf.tile(keys, [1, count, 1]), asked * keys,
                      tf.tile(tf.expand_dims(events[:, width:], 1), [1, count, 1]), flags], -1)

    def gradient(upstream: tf.Tensor):
        product = _product(upstream, of_p, transpose_b=True)
        an_event, a_candidate = tf.reduce_sum(upstream, 1), tf.math.unsorted_segment_sum(upstream, owner, requests)
        to_query = _product(a_candidate, of_q, transpose_b=True)
        to_query += tf.math.unsorted_segment_sum(product * keys, owner, requests)
        to_events = tf.matmul(an_event, tf.concat([of_k, of_context], 0), transpose_b=True)
        to_events += _padded(tf.reduce_sum(product * asked, 1), events)
        from_events = _outer(events, an_event)
        to_kernel = tf.concat([_outer(query, a_candidate), from_events[:width], _outer(asked * keys, upstream),
                               from_events[width:], _outer(flags, upstream)], 0)
        return to_query, to_events, None, tf.zeros_like(flags), to_kernel, tf.reduce_sum(a_candidate, [0, 1])

    return tf.nn.bias_add(_product(rows, kernel), bias), gradient


def _pieces(kernel: tf.Tensor, width: int, context: int) -> list[tf.Tensor]:
    """Kernels of the candidate, the event, their product, the context, and the flags."""
    return tf.split(kernel, [width, width, width, context, kernel.shape[0] - 3 * width - context], 0)


def _padded(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """`[..., D]` as wide as `like`, zeros at the end."""
    return tf.pad(values, [[0, 0]] * (len(values.shape) - 1) + [[0, like.shape[-1] - values.shape[-1]]])


def _product(rows: tf.Tensor, kernel: tf.Tensor, transpose_b: bool = False) -> tf.Tensor:
    """`[..., H]` of rows `[..., W]`, as one flat product: a batched one is made of many small ones."""
    units = kernel.shape[0 if transpose_b else 1]
    flat = tf.matmul(tf.reshape(rows, [-1, rows.shape[-1]]), kernel, transpose_b=transpose_b)
    return tf.reshape(flat, tf.concat([tf.shape(rows)[:-1], [units]], 0))


def _outer(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """`[D, H]` sum over all leading places of `a [..., D]` times `b [..., H]`; D may be 0."""
    if not a.shape[-1]:
        return tf.zeros((0, b.shape[-1]))
    return tf.matmul(tf.reshape(a, [-1, a.shape[-1]]), tf.reshape(b, [-1, b.shape[-1]]), transpose_a=True)
