"""Target attention: what a candidate means to this user depends on which past behaviours it resembles."""

from __future__ import annotations

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.activations import activate, activation
from zoo.layers.embeddings import Behaviours, Candidates
from zoo.layers.masking import masked_softmax


class TargetAttentionConfig(Config):
    """Args:
        units: widths of the activation unit's hidden layers.
        activation: after each of them.
        softmax: False keeps the weights unnormalised, as in the paper, so that their sum carries intensity; True is the
            published code: softmax of logits scaled by 1/√D.
        match: also tell the unit which ids (item, category, …) of the event equal the candidate's. Ours.
    """

    units: tuple[int, ...] = pydantic.Field((80, 40), min_length=1)
    activation: str = "sigmoid"
    softmax: bool = False
    match: bool = True


class TargetAttention(keras.layers.Layer):
    """DIN's local activation unit: one weight for each pair of candidate and event, and the weighted sum of events.

    `a_nt = MLP([q_n; k_t; q_n ⊙ k_t])`, `interest_n = Σ_t a_nt · v_t`.

    The paper's fourth input, `q − k`, adds nothing to what a linear layer can say of q and k, so it is left away. Where
    most places of the batch are real events, the concatenation is not made either: the first layer is a linear function
    of the event whose matrix is the candidate's, `W_k + diag(q_n)·W_p`. Elsewhere pairs are made of real events only, and
    the cost follows the true lengths of the histories.

    Args:
        config: widths, normalisation.

    Example:
        >>> TargetAttention(TargetAttentionConfig())(candidates, behaviours)        # [R, N, D + C]

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 4.3.
    """

    # Above this share of real places, the padded product is cheaper than gathering pairs (docs/results.md).
    DENSE_FROM = 0.75

    def __init__(self, config: TargetAttentionConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.hidden = [keras.layers.Dense(width) for width in config.units]
        self.activations = [activation(config.activation) for _ in config.units]
        self.logit = keras.layers.Dense(1)

    def call(self, candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, D + C]` the interest of each candidate; zero for an empty history."""
        values = tf.concat([behaviours.keys, behaviours.context], -1)
        return tf.matmul(self.weights_of(candidates, behaviours), values)

    def weights_of(self, candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, T]` the weight of each event for each candidate; zero on padding."""
        self._build_first(candidates, behaviours)
        dense = tf.reduce_mean(behaviours.mask) >= self.DENSE_FROM
        hidden, places = tf.cond(dense, lambda: self._all_pairs(candidates, behaviours),
                                 lambda: self._real_pairs(candidates, behaviours))
        mask = tf.expand_dims(candidates.mask, 2) * tf.expand_dims(behaviours.mask, 1)
        real = tf.gather(tf.reshape(mask, [-1]), places)
        hidden = activate(self.activations[0], hidden, real)
        for layer, activation_layer in zip(self.hidden[1:], self.activations[1:], strict=True):
            hidden = activate(activation_layer, layer(hidden), real)
        logits = tf.scatter_nd(tf.expand_dims(places, 1), tf.squeeze(self.logit(hidden), 1), [tf.size(mask)])
        logits = tf.reshape(logits, tf.shape(mask))
        if not self.config.softmax:
            return logits * mask
        return masked_softmax(logits / tf.sqrt(float(candidates.query.shape[-1])), mask)

    def _build_first(self, candidates: Candidates, behaviours: Behaviours) -> None:
        """Makes the first layer, which both branches below read, outside of them."""
        width = candidates.query.shape[-1]
        flags = candidates.ids.shape[-1] if self.config.match else 0
        self.parts = [width, width, width, behaviours.context.shape[-1], flags]
        if not self.hidden[0].built:
            with tf.init_scope():
                self.hidden[0].build((None, sum(self.parts)))

    def _all_pairs(self, candidates: Candidates, behaviours: Behaviours) -> tuple[tf.Tensor, tf.Tensor]:
        """`[R·N·T, H]` the first layer for all pairs and `[R·N·T]` their places."""
        of_query, of_key, of_product, *others = tf.split(self.hidden[0].kernel, self.parts, 0)
        shape = tf.concat([tf.shape(candidates.mask), [tf.shape(behaviours.mask)[1]]], 0)
        query = candidates.query
        kernels = [of_key + tf.expand_dims(query, -1) * of_product]
        kernels += [_for_all(kernel, shape[:2]) for kernel in others]
        kernels.append(tf.expand_dims(tf.tensordot(query, of_query, 1) + self.hidden[0].bias, 2))
        events = tf.concat([behaviours.keys, behaviours.context], -1)
        rows = [tf.tile(tf.expand_dims(events, 1), [1, shape[1], 1, 1]), tf.ones(tf.concat([shape, [1]], 0))]
        if self.config.match:
            rows.insert(1, same_ids(tf.expand_dims(candidates.ids, 2), tf.expand_dims(behaviours.ids, 1)))
        hidden = tf.matmul(tf.concat(rows, -1), tf.concat(kernels, 2))
        return tf.reshape(hidden, [-1, hidden.shape[-1]]), tf.range(tf.reduce_prod(shape))

    def _real_pairs(self, candidates: Candidates, behaviours: Behaviours) -> tuple[tf.Tensor, tf.Tensor]:
        """`[P, H]` the first layer for every real event and every candidate of its request, and `[P]` their places."""
        events = tf.where(behaviours.mask > 0)
        query, key = tf.gather(candidates.query, events[:, 0]), tf.gather_nd(behaviours.keys, events)
        count, length = tf.shape(query)[1], tf.shape(behaviours.mask)[1]
        parts = [query, _for_each(key, count), query * tf.expand_dims(key, 1)]
        if behaviours.context.shape[-1]:
            parts.append(_for_each(tf.gather_nd(behaviours.context, events), count))
        if self.config.match:
            ids = tf.gather(candidates.ids, events[:, 0])
            parts.append(same_ids(ids, tf.expand_dims(tf.gather_nd(behaviours.ids, events), 1)))
        pairs = tf.concat(parts, -1)
        first = tf.expand_dims(tf.range(count), 0) * length
        places = tf.expand_dims(tf.cast(events[:, 0], tf.int32) * count * length + tf.cast(events[:, 1], tf.int32), 1) + first
        return self.hidden[0](tf.reshape(pairs, [-1, pairs.shape[-1]])), tf.reshape(places, [-1])


def same_ids(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 where two ids are the same; padding and unknown equal nothing."""
    return tf.cast((a == b) & (a > 1), tf.float32)


def _for_all(kernel: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """`[D, H]` to `[*shape, D, H]`, the same for each candidate."""
    return tf.broadcast_to(kernel, tf.concat([shape, tf.shape(kernel)], 0))


def _for_each(values: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """`[E, D]` to `[E, count, D]`."""
    # Not by indexing with newaxis, whose gradient copies the whole tensor.
    return tf.tile(tf.expand_dims(values, 1), [1, count, 1])
