"""WDL: Wide & Deep Learning."""

from __future__ import annotations

from typing import Any, NamedTuple

import pydantic

from zoo.keras import tf
from zoo.layers.behaviours import EmbeddedCandidates
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.linear import WIDE, WideLogits
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class WDLConfig(NetworkConfig):
    """Args:
        embedding: tables of the deep part.
        tower: the deep part.
        crosses: pairs (candidate column, request or sequence column) of the wide part; None crosses each candidate id
            with the history's ids of the same space, and the candidate's item with each id of the request.
        cross_buckets: rows of each cross's table.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    tower: TowerConfig = TowerConfig(units=(256, 128, 64), activation="relu")
    crosses: tuple[tuple[str, str], ...] | None = None
    cross_buckets: int = pydantic.Field(default=1 << 20, ge=1)


class WDLRequestState(NamedTuple):
    """`columns` for the wide part; `profile [R, P]` and pooled `history [R, D]` for the deep one."""

    columns: dict[str, tf.Tensor]
    profile: tf.Tensor
    history: tf.Tensor


class WDLCandidateState(NamedTuple):
    """`columns` for the wide part, embedded candidates for the deep one."""

    columns: dict[str, tf.Tensor]
    embedded: EmbeddedCandidates


class WDL(RankingModel):
    """Wide & Deep: a linear model with crosses memorises, a network over embeddings generalises, trained as one.

    `z_n = w·[x, φ(x)] + MLP([profile; mean(history); v_n])`; the wide part is moved by FTRL, the deep part by its own
    optimizers, in one backward pass.

    Source: Cheng et al., Wide & Deep Learning for Recommender Systems, DLRS 2016.
    """

    Config = WDLConfig
    optimizers = {**RankingModel.optimizers, "wide": WIDE}

    def __init__(self, schema: Schema, config: WDLConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = schema.sequence("behaviours")
        self.wide = WideLogits(schema, config.crosses, config.cross_buckets)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> WDLRequestState:
        profile = self.embeddings.profile(request)
        history = self.embeddings.pooled(request, self.sequence) if self.sequence else profile[:, :0]
        return WDLRequestState(dict(request), profile, history)

    def encode_candidates(self, candidates: Tensors) -> WDLCandidateState:
        return WDLCandidateState(dict(candidates), self.embeddings.candidates(candidates))

    def score(self, request: WDLRequestState, candidates: WDLCandidateState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        embedded = candidates.embedded
        deep = self.tower([request.profile, request.history, embedded.features, statistics], embedded.mask)
        wide = self.wide(request.columns, candidates.columns)
        return {task: wide[task] + logit for task, logit in deep.items()}
