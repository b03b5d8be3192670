"""Target attention: what a candidate means to this user depends on which past behaviours it resembles."""

from __future__ import annotations

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.activations import activate, activation
from zoo.layers.embeddings import Behaviours, Candidates
from zoo.layers.masking import masked_softmax
from zoo.layers.pair_dense import PairDense


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

    The paper's fourth input, `q − k`, adds nothing to what a linear layer can say of q and k, so it is left away. How the
    first layer avoids the concatenation: `PairDense`.

    Args:
        config: widths, normalisation.

    Example:
        >>> TargetAttention(TargetAttentionConfig())(candidates, behaviours)        # [R, N, D + C]

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 4.3.
    """

    def __init__(self, config: TargetAttentionConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.hidden = [PairDense(config.units[0], config.match)]
        self.hidden += [keras.layers.Dense(width) for width in config.units[1:]]
        self.activations = [activation(config.activation) for _ in config.units]
        self.logit = keras.layers.Dense(1)

    def call(self, candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, D + C]` the interest of each candidate; zero for an empty history."""
        values = tf.concat([behaviours.keys, behaviours.context], -1)
        return tf.matmul(self.weights_of(candidates, behaviours), values)

    def weights_of(self, candidates: Candidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, T]` the weight of each event for each candidate; zero on padding."""
        hidden, pairs = self.hidden[0](candidates, behaviours)
        mask = tf.expand_dims(candidates.mask, 2) * tf.expand_dims(behaviours.mask, 1)
        real = pairs.rows(mask)
        hidden = activate(self.activations[0], hidden, real)
        for layer, activation_layer in zip(self.hidden[1:], self.activations[1:], strict=True):
            hidden = activate(activation_layer, layer(hidden), real)
        logits = pairs.laid_out(tf.squeeze(self.logit(hidden), 1), tf.shape(mask))
        if not self.config.softmax:
            return logits * mask
        return masked_softmax(logits / tf.sqrt(float(candidates.query.shape[-1])), mask)
