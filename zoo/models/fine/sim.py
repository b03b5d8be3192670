"""SIM: Search-based Interest Model."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic

from zoo.config import ConfigError
from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, matched_columns, recent
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.interest_evolution import InterestEvolution
from zoo.layers.recurrence import GatedRecurrence
from zoo.layers.search import ExactSearch, HardSearch, SoftSearch
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class SIMConfig(NetworkConfig):
    """Args:
        embedding: tables.
        search: `hard` by category, or `soft` by learned inner products.
        found: k, events that the search gives to attention.
        search_weight: α, weight of the soft search's own loss.
        search_units: the soft search's own head.
        heads: of attention over the events found.
        head_dim: width of each.
        time_gap: whether attention sees how long ago each event was.
        match: also tell attention which ids of the event equal the candidate's. Ours.
        short: what becomes of the recent events: `dien` (paper), `din` (published code) or `none`.
        short_events: how many events are recent, where the log has no long sequence of its own.
        tower: the head.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    search: Literal["hard", "soft"] = "hard"
    found: int = pydantic.Field(default=50, ge=1)
    search_weight: float = pydantic.Field(default=1.0, gt=0)
    search_units: tuple[int, ...] = pydantic.Field(default=(200, 80), min_length=1)
    heads: int = pydantic.Field(default=4, ge=1)
    head_dim: int = pydantic.Field(default=16, ge=1)
    time_gap: bool = True
    match: bool = True
    short: Literal["dien", "din", "none"] = "dien"
    short_events: int = pydantic.Field(default=10, ge=1)
    tower: TowerConfig = TowerConfig()


class SIMRequestState(NamedTuple):
    """`profile [R, P]`, the whole history, the recent part of it, and the interests after each recent event."""

    profile: tf.Tensor
    long: Behaviours
    short: Behaviours
    interests: tf.Tensor


class SIMCandidateState(NamedTuple):
    """The candidates as they meet the long history and the recent events."""

    long: EmbeddedCandidates
    short: EmbeddedCandidates


class SIM(RankingModel):
    """Search-based Interest Model: of a long history, each candidate meets only the events that a search finds for it.

    `z_n = MLP([profile; ExactSearch(top-k(GeneralSearch)); DIEN(recent); v_n])`; soft search adds α times its own loss.

    Source: Pi et al., Search-based User Interest Modeling with Lifelong Sequential Behavior Data, CIKM 2020.
    """

    Config = SIMConfig
    config: SIMConfig

    def __init__(self, schema: Schema, config: SIMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.short = self.required_sequence("behaviours")
        self.long = self.required_sequence("long_behaviours") if schema.sequence("long_behaviours") else self.short
        self.fields = [f.name for f in self.long.fields if config.time_gap or f.role != "time_gap"]
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.tasks = [label.name for label in schema.tasks]
        self.search = self._search()
        self.exact = ExactSearch(config.heads, config.head_dim, config.match)
        if config.short == "dien":
            self.extractor = GatedRecurrence(self.embeddings.matched_width(self.short))
            self.evolution = InterestEvolution("augru", config.match)
        elif config.short == "din":
            self.attention = TargetAttention(TargetAttentionConfig(activation="dice", match=config.match))
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> SIMRequestState:
        long = self.embeddings.behaviours(request, self.long, self.fields)
        short = self.embeddings.behaviours(request, self.short)
        if self.long is self.short and self.config.short_events < self.short.max_length:
            short = recent(short, self.config.short_events)
        interests = short.keys[:, :0]
        if self.config.short == "dien":
            mask = tf.expand_dims(short.mask, 1)
            interests = self.extractor(short.events, tf.zeros_like(mask), mask)[:, 0]
        return SIMRequestState(self.embeddings.profile(request), long, short, interests)

    def encode_candidates(self, candidates: Tensors) -> SIMCandidateState:
        return SIMCandidateState(self.embeddings.candidates(candidates, self.long, self.fields),
                                 self.embeddings.candidates(candidates, self.short))

    def score(self, request: SIMRequestState, candidates: SIMCandidateState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        found = self.search(candidates.long, request.long)
        parts = [request.profile, self.exact(candidates.long, request.long, found.selected), candidates.short.features]
        if self.config.short == "dien":
            parts.append(self.evolution(request.interests, request.short, candidates.short))
        elif self.config.short == "din":
            parts.append(self.attention(candidates.short, request.short))
        logits = self.tower([*parts, statistics], candidates.short.mask)
        if self.config.search == "hard":
            return logits
        of_search = self.search.logits(found, candidates.long, request.long)
        return logits | {f"{task}/search": of_search[..., i] for i, task in enumerate(self.tasks)}

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """The tasks' losses, and α times those of the soft search's own head."""
        loss = super().loss(outputs, batch)
        if self.config.search == "hard":
            return loss
        of_search = {task: outputs[f"{task}/search"] for task in self.tasks}
        return loss + self.config.search_weight * super().loss(of_search, batch)

    def _search(self) -> HardSearch | SoftSearch:
        config = self.config
        if config.search == "soft":
            return SoftSearch(config.found, self.embeddings.matched_width(self.long), config.search_units, len(self.tasks))
        roles = [column.feature.role for _, column in matched_columns(self.schema, self.long, self.fields)]
        if "category" in roles:
            return HardSearch(config.found, roles.index("category"))
        raise ConfigError(f"SIM's hard search needs a field with the role 'category' in candidates and in the sequence "
                          f"{self.long.name!r} of the schema {self.schema.name!r}; declare it, or set "
                          "model.config.search to soft")
