"""DIEN: Deep Interest Evolution Network."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.embeddings import Behaviours, Candidates, EmbeddingConfig, Embeddings
from zoo.layers.masking import masked_softmax
from zoo.layers.next_event import NextEventLoss
from zoo.layers.recurrence import GatedRecurrence
from zoo.layers.target_attention import same_ids
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import RankingModel, Tensors
from zoo.schema import Schema


class DIENConfig(Config):
    """Args:
        embedding: tables.
        evolution: how attention moves the second recurrence: `augru` as in the paper, `augru_code` as published, `agru`,
            or `gru`, which looks at attention only in the sum of its states.
        auxiliary_weight: α of the auxiliary loss; 0 leaves it away.
        auxiliary_scorer: `inner` product (paper) or `mlp` (code).
        match: also tell attention which ids (item, category, …) of the event equal the candidate's. Ours.
        tower: the head.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    evolution: Literal["augru", "augru_code", "agru", "gru"] = "augru"
    auxiliary_weight: float = pydantic.Field(1.0, ge=0)
    auxiliary_scorer: Literal["inner", "mlp"] = "inner"
    match: bool = True
    tower: TowerConfig = TowerConfig()


class DIENRequest(NamedTuple):
    """`profile [R, P]`, the embedded behaviours and the interest after each of them, `interests [R, T, D]`."""

    profile: tf.Tensor
    behaviours: Behaviours
    interests: tf.Tensor


class InterestEvolution(keras.layers.Layer):
    """What the interests say of each candidate: attention over them, and a recurrence that attention moves.

    `a_nt = softmax_t(h_tᵀ W q_n + w·match_nt)`, and the last state of `GatedRecurrence` over h with a in its gate.

    Args:
        evolution: see `DIENConfig`.
        match: see `DIENConfig`.
    """

    def __init__(self, evolution: str, match: bool, **kwargs):
        super().__init__(**kwargs)
        self.evolution, self.match = evolution, match

    def build(self, shape):
        width = shape[-1]
        self.recurrence = GatedRecurrence(width)
        self.query = keras.layers.Dense(width, use_bias=False)
        self.matches = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones") if self.match else None

    def call(self, interests: tf.Tensor, behaviours: Behaviours, candidates: Candidates) -> tf.Tensor:
        """`[R, T, D]` interests to `[R, N, D]`, one final interest a candidate; zero for an empty history."""
        attention = self.attention(interests, behaviours, candidates)
        mask = tf.expand_dims(behaviours.mask, 1) * tf.ones_like(attention)
        nothing = tf.zeros_like(attention)
        if self.evolution == "gru":
            states = self.recurrence(interests, nothing[:, :1], mask[:, :1])
            return tf.matmul(attention, states[:, 0])
        alpha, beta = {"augru": (nothing, attention), "augru_code": (attention, mask - attention),
                       "agru": (attention, nothing)}[self.evolution]
        # The last state; the sum over one place or, where no request of the batch has a history, over none.
        return tf.reduce_sum(self.recurrence(interests, alpha, beta)[:, :, -1:], 2)

    def attention(self, interests: tf.Tensor, behaviours: Behaviours, candidates: Candidates) -> tf.Tensor:
        """`[R, N, T]` weights that sum to 1 over the real events."""
        logits = tf.matmul(self.query(candidates.query), interests, transpose_b=True)
        if self.matches is not None:
            flags = same_ids(tf.expand_dims(candidates.ids, 2), tf.expand_dims(behaviours.ids, 1))
            logits += tf.squeeze(self.matches(flags), -1)
        return masked_softmax(logits, tf.expand_dims(behaviours.mask, 1))


class DIEN(RankingModel):
    """Deep Interest Evolution Network: interests drift, and a candidate meets the one that grew towards it.

    `h = GRU(e)` once a request, with the auxiliary loss on every step; `z_n = MLP([profile; AUGRU(h, a_n); v_n])`.

    Source: Zhou et al., Deep Interest Evolution Network for Click-Through Rate Prediction, AAAI 2019.
    """

    Config = DIENConfig

    def __init__(self, schema: Schema, config: DIENConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = self.required_sequence("behaviours")
        self.embeddings = Embeddings(schema, config.embedding)
        # As wide as what candidates and events share, so that states and events can be multiplied.
        self.extractor = GatedRecurrence(self.embeddings.matched_width(self.sequence))
        self.auxiliary = NextEventLoss(config.auxiliary_weight, config.auxiliary_scorer) if config.auxiliary_weight else None
        self.evolution = InterestEvolution(config.evolution, config.match)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> DIENRequest:
        behaviours = self.embeddings.behaviours(request, self.sequence)
        mask = tf.expand_dims(behaviours.mask, 1)
        events = tf.concat([behaviours.keys, behaviours.context], -1)
        interests = self.extractor(events, tf.zeros_like(mask), mask)[:, 0]
        if self.auxiliary is not None:
            interests = self.auxiliary(interests, behaviours)
        return DIENRequest(self.embeddings.profile(request), behaviours, interests)

    def encode_candidates(self, candidates: Tensors) -> Candidates:
        return self.embeddings.candidates(candidates, self.sequence)

    def score(self, request: DIENRequest, candidates: Candidates) -> dict[str, tf.Tensor]:
        interest = self.evolution(request.interests, request.behaviours, candidates)
        return self.tower([request.profile, interest, candidates.features], candidates.mask)
