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

    `a_nt = MLP([q_n; k_t; q_n − k_t; q_n ⊙ k_t])`, `interest_n = Σ_t a_nt · v_t`.

    The first layer is computed as `(W_q + W_−)·q + (W_k − W_−)·k + W_⊙·(q ⊙ k)`: the same function without the
    four-fold concatenation, and the key's part runs once a request, not once a candidate.

    Args:
        config: widths, normalisation.

    Example:
        >>> TargetAttention(TargetAttentionConfig())(candidates, behaviours)        # [R, N, D + C]

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 4.3.
    """

    def __init__(self, config: TargetAttentionConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.query = keras.layers.Dense(config.units[0], use_bias=False)
        self.key = keras.layers.Dense(config.units[0])
        self.product = keras.layers.Dense(config.units[0], use_bias=False)
        self.hidden = [keras.layers.Dense(width) for width in config.units[1:]]
        self.activations = [activation(config.activation) for _ in config.units]
        self.logit = keras.layers.Dense(1)

    def call(self, candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, D + C]` the interest of each candidate; zero for an empty history."""
        values = tf.concat([behaviours.keys, behaviours.context], -1)
        return tf.einsum("rnt,rtd->rnd", self.weights_of(candidates, behaviours), values)

    def weights_of(self, candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, T]` the weight of each event for each candidate; zero on padding."""
        query, key = candidates.query[:, :, tf.newaxis], behaviours.keys[:, tf.newaxis]
        pair = query * key
        if self.config.match:
            pair = tf.concat([pair, same_ids(candidates, behaviours)], -1)
        keyed = self.key(tf.concat([behaviours.keys, behaviours.context], -1))
        hidden = self.query(candidates.query)[:, :, tf.newaxis] + keyed[:, tf.newaxis] + self.product(pair)
        mask = candidates.mask[:, :, tf.newaxis] * behaviours.mask[:, tf.newaxis]
        hidden = activate(self.activations[0], hidden, mask)
        for dense, activation_layer in zip(self.hidden, self.activations[1:], strict=True):
            hidden = activate(activation_layer, dense(hidden), mask)
        logits = self.logit(hidden)[..., 0]
        if not self.config.softmax:
            return logits * mask
        return masked_softmax(logits / tf.sqrt(float(candidates.query.shape[-1])), mask)


def same_ids(candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
    """`[R, N, T, F]` 1 where an id field of the event equals the candidate's; padding and unknown equal nothing."""
    ids = candidates.ids[:, :, tf.newaxis]
    return tf.cast((ids == behaviours.ids[:, tf.newaxis]) & (ids > 1), tf.float32)
