"""WDL: Wide & Deep Learning."""

from __future__ import annotations

from typing import Any, NamedTuple

import pydantic

from zoo.config import Config, ConfigError, nearest
from zoo.keras import tf
from zoo.layers.embeddings import Candidates, EmbeddingConfig, Embeddings, matched_columns
from zoo.layers.linear import Linear
from zoo.layers.masking import masked_mean
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import RankingModel, Tensors
from zoo.schema import Schema


class WDLConfig(Config):
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
    cross_buckets: int = pydantic.Field(1 << 20, ge=1)


class WDLRequest(NamedTuple):
    """`columns` for the wide part; `profile [R, P]` and pooled `history [R, D]` for the deep one."""

    columns: dict[str, tf.Tensor]
    profile: tf.Tensor
    history: tf.Tensor


class WDLCandidates(NamedTuple):
    """`columns` for the wide part, embedded candidates for the deep one."""

    columns: dict[str, tf.Tensor]
    embedded: Candidates


class WDL(RankingModel):
    """Wide & Deep: a linear model with crosses memorises, a network over embeddings generalises, trained as one.

    `z_n = w·[x, φ(x)] + MLP([profile; mean(history); v_n])`; the wide part is moved by FTRL, the deep part by its own
    optimizers, in one backward pass.

    Source: Cheng et al., Wide & Deep Learning for Recommender Systems, DLRS 2016.
    """

    Config = WDLConfig

    def __init__(self, schema: Schema, config: WDLConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = schema.sequence("behaviours")
        self.wide = Linear(schema, wide_crosses(schema, config), config.cross_buckets)
        self.embeddings = Embeddings(schema, config.embedding)
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> WDLRequest:
        history = tf.zeros_like(next(iter(request.values())), tf.float32)[:, tf.newaxis][:, :0]
        if self.sequence:
            behaviours = self.embeddings.behaviours(request, self.sequence)
            history = masked_mean(tf.concat([behaviours.keys, behaviours.context], -1), behaviours.mask)
        return WDLRequest(dict(request), self.embeddings.profile(request), history)

    def encode_candidates(self, candidates: Tensors) -> WDLCandidates:
        return WDLCandidates(dict(candidates), self.embeddings.candidates(candidates))

    def score(self, request: WDLRequest, candidates: WDLCandidates) -> dict[str, tf.Tensor]:
        wide = self.wide(request.columns, candidates.columns)
        deep = self.tower([request.profile, request.history, candidates.embedded.features], candidates.embedded.mask)
        return {task: logit + wide for task, logit in deep.items()}

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        return self.with_wide_group(self.wide)


def wide_crosses(schema: Schema, config: WDLConfig) -> list[tuple[str, str]]:
    """The crosses of the configuration, checked, or the default ones."""
    if config.crosses is None:
        sequence, item = schema.sequence("behaviours"), schema.candidate("item")
        crosses = [(ours.name, event.name) for event, ours in (matched_columns(schema, sequence) if sequence else [])]
        users = [column for column in schema.columns("request") if column.feature.kind == "id"]
        return crosses + ([(item.name, column.name) for column in users] if item else [])
    ids = {column.name: column.level for column in schema.columns() if column.feature.kind == "id"}
    for pair in config.crosses:
        for name, wanted in zip(pair, (("candidate",), ("request", "sequence")), strict=True):
            valid = [column for column, level in ids.items() if level in wanted]
            if name not in valid:
                raise ConfigError(f"model.config.crosses: {name!r} is not an id column of the "
                                  f"{' or '.join(wanted)}{nearest(name, valid)}")
    return list(config.crosses)
