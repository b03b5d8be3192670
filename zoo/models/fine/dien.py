"""DIEN: Deep Interest Evolution Network."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic

from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.interest_evolution import InterestEvolution
from zoo.layers.next_event import NextEventLoss
from zoo.layers.recurrence import GatedRecurrence
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class DIENConfig(NetworkConfig):
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
    auxiliary_weight: float = pydantic.Field(default=1.0, ge=0)
    auxiliary_scorer: Literal["inner", "mlp"] = "inner"
    match: bool = True
    tower: TowerConfig = TowerConfig()


class DIENRequestState(NamedTuple):
    """`profile [R, P]`, the embedded behaviours and the interest after each of them, `interests [R, T, D]`."""

    profile: tf.Tensor
    behaviours: Behaviours
    interests: tf.Tensor


class DIEN(RankingModel):
    """Deep Interest Evolution Network: interests drift, and a candidate meets the one that grew towards it.

    `h = GRU(e)` once a request, with the auxiliary loss on every step; `z_n = MLP([profile; AUGRU(h, a_n); v_n])`.

    Source: Zhou et al., Deep Interest Evolution Network for Click-Through Rate Prediction, AAAI 2019.
    """

    Config = DIENConfig

    def __init__(self, schema: Schema, config: DIENConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = self.required_sequence("behaviours")
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        # As wide as what candidates and events share, so that states and events can be multiplied.
        self.extractor = GatedRecurrence(self.embeddings.matched_width(self.sequence))
        self.auxiliary = NextEventLoss(config.auxiliary_weight, config.auxiliary_scorer) if config.auxiliary_weight else None
        self.evolution = InterestEvolution(config.evolution, config.match)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> DIENRequestState:
        behaviours = self.embeddings.behaviours(request, self.sequence)
        mask = tf.expand_dims(behaviours.mask, 1)
        interests = self.extractor(behaviours.events, tf.zeros_like(mask), mask)[:, 0]
        if self.auxiliary is not None:
            interests = self.auxiliary(interests, behaviours)
        return DIENRequestState(self.embeddings.profile(request), behaviours, interests)

    def encode_candidates(self, candidates: Tensors) -> EmbeddedCandidates:
        return self.embeddings.candidates(candidates, self.sequence)

    def score(self, request: DIENRequestState, candidates: EmbeddedCandidates,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        interest = self.evolution(request.interests, request.behaviours, candidates)
        return self.tower([request.profile, interest, candidates.features, statistics], candidates.mask)
