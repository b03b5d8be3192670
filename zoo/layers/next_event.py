"""Auxiliary losses that ask a state of the history for the event that came next."""

from __future__ import annotations

from typing import Literal

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours
from zoo.layers.dense import MLP
from zoo.layers.randomness import Randomness
from zoo.losses import weighted_mean


class NextEventLoss(keras.layers.Layer):
    """DIEN's auxiliary loss: each state must tell the next event from an event of somebody else.

    `L = −mean_t [ log σ(s(h_t, e_{t+1})) + log(1 − σ(s(h_t, ê_{t+1}))) ]` over real steps only; ê is a real event drawn
    from the batch, and a step whose ê is the very event that came next has no weight.

    Args:
        weight: α of the loss; it is added (`add_loss`) in training only.
        scorer: `inner` product, as in the paper; `mlp` over the concatenation, as in the published code.

    Example:
        >>> NextEventLoss(1.0)(states, behaviours, training=True)

    Source: Zhou et al., Deep Interest Evolution Network, AAAI 2019, section 4.2.
    """

    def __init__(self, weight: float, scorer: Literal["inner", "mlp"] = "inner", **kwargs):
        super().__init__(**kwargs)
        self.weight, self.randomness = weight, Randomness()
        self.mlp = [MLP((100, 50), "sigmoid"), keras.layers.Dense(1)] if scorer == "mlp" else []

    def build(self, shape):
        # The scorer is used in training only; its weights must not wait for the first step.
        self._score(tf.zeros((1, shape[-1])), tf.zeros((1, shape[-1])))

    def call(self, states: tf.Tensor, behaviours: Behaviours, training: bool | None = None) -> tf.Tensor:
        """States `[R, T, D]`, given back as they are."""
        if training:
            self.add_loss(self.weight * self.loss(states, behaviours, self.draw(behaviours.mask)))
        return states

    def draw(self, mask: tf.Tensor) -> tf.Tensor:
        """`[R, T − 1]` for each step, a real place of the batch, by its number among all `R·T` places."""
        places = tf.where(tf.reshape(mask, [-1]) > 0)[:, 0]
        places = tf.concat([places, [0]], 0)  # a batch without one event still needs something to draw
        shape = tf.shape(mask) - [0, 1]
        most = tf.maximum(tf.size(places) - 1, 1)
        drawn = self.randomness.uniform(tf.maximum(shape, 0), minval=0, maxval=most, dtype=tf.int32)
        return tf.gather(places, drawn)

    def loss(self, states: tf.Tensor, behaviours: Behaviours, drawn: tf.Tensor) -> tf.Tensor:
        """The loss with given negatives.

        Args:
            states: `[R, T, D]`.
            behaviours: of the same requests.
            drawn: `[R, T − 1]` places of the negatives.
        """
        states, following = states[:, :-1], behaviours.keys[:, 1:]
        others = tf.gather(tf.reshape(behaviours.keys, [-1, following.shape[-1]]), drawn)
        ids = tf.gather(tf.reshape(behaviours.ids, [-1, behaviours.ids.shape[-1]]), drawn)
        different = tf.cast(tf.reduce_any(ids != behaviours.ids[:, 1:], -1), tf.float32)
        weights = behaviours.mask[:, 1:] * different
        # softplus(−s) = −log σ(s), and softplus(s) = −log(1 − σ(s)), both without a logarithm of zero.
        losses = tf.nn.softplus(-self._score(states, following)) + tf.nn.softplus(self._score(states, others))
        return weighted_mean(losses, weights)

    def _score(self, states: tf.Tensor, events: tf.Tensor) -> tf.Tensor:
        if not self.mlp:
            return tf.reduce_sum(states * events, -1)
        hidden, logit = self.mlp
        return tf.squeeze(logit(hidden([states, events])), -1)
