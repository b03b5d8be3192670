"""COLD: a small full network, made cheap by leaving out the fields that say least."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.embeddings import Embeddings, FieldEmbeddingConfig
from zoo.layers.interactions import SqueezeExcitation, join_fields, merge_fields
from zoo.layers.masking import length_mask
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors, split_inputs
from zoo.models.preparation import Span, TrainingSplit
from zoo.schema import CANDIDATE_COUNT, Schema
from zoo.traits import Traits


class COLDConfig(NetworkConfig):
    """Args:
        embedding: tables; all fields are `dim` wide.
        tower: the network; small, for thousands of candidates.
        keep: fields that the network reads, those of most importance; None reads all, re-weighted.
        scout_epochs: with `keep`, epochs of the model over all fields that finds out what is important.
    """

    embedding: FieldEmbeddingConfig = FieldEmbeddingConfig()
    tower: TowerConfig = TowerConfig(units=(64, 32), activation="relu")
    keep: int | None = pydantic.Field(default=None, ge=1)
    scout_epochs: int = pydantic.Field(default=1, ge=1)


class COLD(RankingModel):
    """Computing-power cost-aware online and lightweight deep pre-ranking: `z_n = MLP(s ⊙ [fields; crosses])`.

    Fields are those of the request, of the history (averaged) and of the candidate; crosses are products of the history's and
    the candidate's fields over one id space. A squeeze-and-excitation block weighs them, s. With `keep`, a model over all of
    them is trained first (`prepare`), and the k fields of largest mean s are what this one reads, without weights.

    Source: Wang et al., COLD: Towards the Next Generation of Pre-Ranking System, DLP-KDD 2020 (arXiv 2007.16122).
    """

    Config = COLDConfig
    config: COLDConfig
    traits = Traits(stage="coarse")

    def __init__(self, schema: Schema, config: COLDConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.tower = RankingTower(schema, config.tower)
        self.names, self.ours, self.theirs = _fields_of(schema)
        self.importance = None if config.keep else SqueezeExcitation()
        if config.keep and config.keep > len(self.names):
            raise ConfigError(f"model.config.keep: {config.keep} fields are to be kept, and with the crosses there are "
                              f"{len(self.names)}")
        self.kept = self.add_weight("kept", (config.keep,), dtype=tf.int64, initializer="zeros",
                                    trainable=False) if config.keep else None

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        return {"fields": self.embeddings.request_fields(request)}

    def encode_candidates(self, candidates: Tensors) -> dict[str, tf.Tensor]:
        fields = self.embeddings.candidate_fields(candidates)
        return {"fields": fields, "mask": length_mask(candidates[CANDIDATE_COUNT], fields)}

    def score(self, request: dict[str, tf.Tensor], candidates: dict[str, tf.Tensor],
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        fields = self._fields(request, candidates)
        fields = self.importance(fields) if self.importance else tf.gather(fields, self.kept, axis=2)
        # The gather hides how many there are.
        count = self.config.keep or len(self.names)
        fields = tf.ensure_shape(fields, (None, None, count, self.config.embedding.dim))
        return self.tower([merge_fields(fields), statistics], candidates["mask"])

    def prepare(self, split: TrainingSplit) -> Span:
        span = super().prepare(split)
        if self.kept is not None:
            scout = COLD(self.schema, self.config.model_copy(update={"keep": None}), assets=self.assets)
            split.fit(scout, self.config.scout_epochs)
            self.kept.assign(np.sort(np.argsort(-scout.mean_importance(split), kind="stable")[:self.config.keep]))
        return span

    def begins_anew(self) -> str:
        return "`keep` chooses its fields anew of each training split" if self.kept is not None else super().begins_anew()

    def mean_importance(self, split: TrainingSplit) -> np.ndarray:
        """`[fields]` mean weight of each field over the candidates of a split."""
        assert self.importance is not None
        total, count = np.zeros(len(self.names)), 0.0
        for batch in split.batches():
            request, candidates = split_inputs(self.schema, batch.inputs)
            state = self.encode_candidates(candidates)
            weights = self.importance.weights_of(self._fields(self.encode_request(request), state)).numpy()
            mask = state["mask"].numpy()
            total += np.einsum("rnf,rn->f", weights, mask)
            count += mask.sum()
        return total / count

    def kept_names(self) -> list[str]:
        """The fields that the network reads."""
        return list(self.names) if self.kept is None else [self.names[place] for place in self.kept.numpy()]

    def _fields(self, request: dict[str, tf.Tensor], candidates: dict[str, tf.Tensor]) -> tf.Tensor:
        """`[R, N, F, D]` fields of the request, of the history and of the candidate, then crosses."""
        fields = join_fields(request["fields"], candidates["fields"])
        if not self.ours:
            return fields
        ours = tf.gather(request["fields"], self.ours, axis=1)
        return tf.concat([fields, ours[:, tf.newaxis] * tf.gather(candidates["fields"], self.theirs, axis=2)], 2)


def _fields_of(schema: Schema) -> tuple[list[str], list[int], list[int]]:
    """Names of fields and crosses; the crosses' places among the fields of request and history, and among the candidate's."""
    columns = [schema.columns("request"), *(schema.sequence_columns(sequence) for sequence in schema.sequences)]
    ours = [column.name for several in columns for column in Embeddings.field_columns(several)]
    theirs = [column.name for column in Embeddings.field_columns(schema.columns("candidate"))]
    sequence = schema.sequence("behaviours")
    matched = matched_columns(schema, sequence) if sequence else []
    crosses = [f"{event.name} x {item.name}" for event, item in matched]
    return (ours + theirs + crosses, [ours.index(event.name) for event, _ in matched],
            [theirs.index(item.name) for _, item in matched])
