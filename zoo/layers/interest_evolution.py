"""DIEN's second layer: how an interest grew towards a candidate."""

from __future__ import annotations

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, MatchLogits
from zoo.layers.masking import masked_softmax
from zoo.layers.recurrence import GatedRecurrence


class InterestEvolution(keras.layers.Layer):
    """What the interests say of each candidate: attention over them, and a recurrence that attention moves.

    `a_nt = softmax_t(h_tᵀ W q_n + w·match_nt)`, and the last state of `GatedRecurrence` over h with a in its gate.

    Args:
        evolution: how attention moves the recurrence: `augru` as in DIEN's paper, `augru_code` as published, `agru`, or `gru`,
            which looks at attention only in the sum of its states.
        match: also tell attention which ids of the event equal the candidate's.

    Source: Zhou et al., Deep Interest Evolution Network, AAAI 2019, section 4.3.
    """

    def __init__(self, evolution: str, match: bool, **kwargs):
        super().__init__(**kwargs)
        self.evolution, self.match = evolution, match

    def build(self, shape):
        width = shape[-1]
        self.recurrence = GatedRecurrence(width)
        self.query = keras.layers.Dense(width, use_bias=False)
        self.matches = MatchLogits() if self.match else None

    def call(self, interests: tf.Tensor, behaviours: Behaviours, candidates: EmbeddedCandidates) -> tf.Tensor:
        """`[R, T, D]` interests to `[R, N, D]`, one final interest a candidate; zero for an empty history."""
        attention = self.attention(interests, behaviours, candidates)
        mask = tf.expand_dims(behaviours.mask, 1) * tf.ones_like(attention)
        nothing = tf.zeros_like(attention)
        if self.evolution == "gru":
            states = self.recurrence(interests, nothing[:, :1], mask[:, :1])
            return tf.matmul(attention, states[:, 0])
        alpha, beta = {"augru": (nothing, attention), "augru_code": (attention, mask - attention),
                       "agru": (attention, nothing)}[self.evolution]
        return self.recurrence(interests, alpha, beta, last=True)

    def attention(self, interests: tf.Tensor, behaviours: Behaviours, candidates: EmbeddedCandidates) -> tf.Tensor:
        """`[R, N, T]` weights that sum to 1 over the real events."""
        logits = tf.matmul(self.query(candidates.query), interests, transpose_b=True)
        if self.matches is not None:
            logits += self.matches(candidates, behaviours)
        return masked_softmax(logits, tf.expand_dims(behaviours.mask, 1))
