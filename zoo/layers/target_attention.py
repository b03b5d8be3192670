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

    The paper's fourth input, `q − k`, adds nothing to what a linear layer can say of q and k, so it is left away. Pairs
    are made of real events only: the cost follows the true lengths of the histories, not the longest of the batch.

    Args:
        config: widths, normalisation.

    Example:
        >>> TargetAttention(TargetAttentionConfig())(candidates, behaviours)        # [R, N, D + C]

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 4.3.
    """

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
        places = tf.where(behaviours.mask > 0)
        hidden = self._pairs(candidates, behaviours, places)
        real = tf.reshape(tf.gather(candidates.mask, places[:, 0]), [-1])
        for dense, activation_layer in zip(self.hidden, self.activations, strict=True):
            hidden = activate(activation_layer, dense(hidden), real)
        shape = tf.shape(candidates.mask)
        logits = tf.reshape(self.logit(hidden), [-1, shape[1]])
        logits = tf.scatter_nd(places, logits, tf.cast([shape[0], tf.shape(behaviours.mask)[1], shape[1]], tf.int64))
        logits = tf.transpose(logits, [0, 2, 1])
        mask = tf.expand_dims(candidates.mask, 2) * tf.expand_dims(behaviours.mask, 1)
        if not self.config.softmax:
            return logits * mask
        return masked_softmax(logits / tf.sqrt(float(candidates.query.shape[-1])), mask)

    def _pairs(self, candidates: Candidates, behaviours: Behaviours, places: tf.Tensor) -> tf.Tensor:
        """`[E·N, ·]` the unit's input for every real event and every candidate of its request."""
        query, key = tf.gather(candidates.query, places[:, 0]), tf.gather_nd(behaviours.keys, places)
        count = tf.shape(query)[1]
        parts = [query, _for_each(key, count), query * tf.expand_dims(key, 1)]
        if behaviours.context.shape[-1]:
            parts.append(_for_each(tf.gather_nd(behaviours.context, places), count))
        if self.config.match:
            ids = tf.gather(candidates.ids, places[:, 0])
            parts.append(same_ids(ids, tf.expand_dims(tf.gather_nd(behaviours.ids, places), 1)))
        pairs = tf.concat(parts, -1)
        return tf.reshape(pairs, [-1, pairs.shape[-1]])


def same_ids(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 where two ids are the same; padding and unknown equal nothing."""
    return tf.cast((a == b) & (a > 1), tf.float32)


def _for_each(values: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """`[E, D]` to `[E, count, D]`."""
    # Not by indexing with newaxis, whose gradient copies the whole tensor.
    return tf.tile(tf.expand_dims(values, 1), [1, count, 1])
