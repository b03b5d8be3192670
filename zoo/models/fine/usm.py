"""USM (SSM): Structured Semantic Model beside a wide and a deep part."""

from __future__ import annotations

from typing import Any, NamedTuple

import pydantic

from zoo.config import ConfigError, nearest
from zoo.keras import keras, tf
from zoo.layers.behaviours import EmbeddedCandidates, matched_columns
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.interactions import join_fields
from zoo.layers.linear import WIDE, WideLogits
from zoo.layers.masking import length_mask, masked_sum
from zoo.layers.orthogonal import MultiScalePooling, OrthogonalConvolution
from zoo.layers.randomness import Dropout
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Column, Schema


class USMConfig(NetworkConfig):
    """Args:
        embedding: tables; the fields need one width.
        fields: columns of ids, at least two; None takes each id of the history with the candidate's of the same space, and
            ids of the request, five at most.
        most: largest group of fields that is combined.
        learnable: let training move the signs of the convolution.
        windows: pairs (window, stride) of pooling; None for half the width by a quarter, and the whole width.
        pooling: False keeps every coordinate of every channel (an ablation).
        semantic_units: width of the layer after the channels.
        dropout: before and after that layer, in training alone.
        l1: on that layer's weights.
        l2: on that layer's weights.
        crosses: of the wide part, as in WDL.
        cross_buckets: rows of each cross's table.
        tower: the deep part.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    fields: tuple[str, ...] | None = pydantic.Field(default=None, min_length=2)
    most: int = pydantic.Field(default=4, ge=2, le=4)
    learnable: bool = False
    windows: tuple[tuple[int, int], ...] | None = None
    pooling: bool = True
    semantic_units: int = pydantic.Field(default=100, ge=1)
    dropout: float = pydantic.Field(default=0.3, ge=0, lt=1)
    l1: float = pydantic.Field(default=3e-6, ge=0)
    l2: float = pydantic.Field(default=1e-6, ge=0)
    crosses: tuple[tuple[str, str], ...] | None = None
    cross_buckets: int = pydantic.Field(default=1 << 20, ge=1)
    tower: TowerConfig = TowerConfig(units=(256, 128, 64), activation="relu")


class USMRequestState(NamedTuple):
    """`columns` for the wide part, `profile [R, P]`, pooled `history [R, D]`, and the request's `fields [R, F, d]`."""

    columns: dict[str, tf.Tensor]
    profile: tf.Tensor
    history: tf.Tensor
    fields: tf.Tensor


class USMCandidateState(NamedTuple):
    """`columns` for the wide part, embedded candidates, and their `fields [R, N, F, d]`."""

    columns: dict[str, tf.Tensor]
    embedded: EmbeddedCandidates
    fields: tf.Tensor


class USM(RankingModel):
    """Structured Semantic Model: fixed combinations of the fields' vectors feed a Wide & Deep network.

    `s = Dropout(Dense(Dropout(pool(convolve([f_1 … f_F])))))`, `z_n = w·[x, φ(x)] + MLP([profile; mean(history); v_n; s_n])`;
    a sequence is a multi-valued field, summed over its events.

    Source: Niu et al., Structured Semantic Model supported Deep Neural Network, arXiv 1812.01353.
    """

    Config = USMConfig
    config: USMConfig
    optimizers = {**RankingModel.optimizers, "wide": WIDE}

    def __init__(self, schema: Schema, config: USMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = schema.sequence("behaviours")
        self.wide = WideLogits(schema, config.crosses, config.cross_buckets)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        fields = self._fields()
        self.request_fields = [column for column in fields if column.level != "candidate"]
        self.candidate_fields = [column for column in fields if column.level == "candidate"]
        width = self._width(fields)
        self.convolution = OrthogonalConvolution(len(fields), min(config.most, len(fields)), config.learnable)
        windows = config.windows or ((max(1, width // 2), max(1, width // 4)), (width, width))
        self.pool = MultiScalePooling(width, windows if config.pooling else ((1, 1),))
        self.drop = Dropout(config.dropout)
        self.semantic = keras.layers.Dense(config.semantic_units, activation="relu",
                                           kernel_regularizer=keras.regularizers.L1L2(config.l1, config.l2))
        self.tower = RankingTower(schema, config.tower)

    def encode_request(self, request: Tensors) -> USMRequestState:
        profile = self.embeddings.profile(request)
        history = self.embeddings.pooled(request, self.sequence) if self.sequence else profile[:, :0]
        vectors = [self._vector(column, request) for column in self.request_fields]
        return USMRequestState(dict(request), profile, history, tf.stack(vectors, 1) if vectors else profile[:, :0])

    def encode_candidates(self, candidates: Tensors) -> USMCandidateState:
        vectors = [self._vector(column, candidates) for column in self.candidate_fields]
        return USMCandidateState(dict(candidates), self.embeddings.candidates(candidates), tf.stack(vectors, 2))

    def score(self, request: USMRequestState, candidates: USMCandidateState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        fields = join_fields(request.fields, candidates.fields) if self.request_fields else candidates.fields
        semantic = self.drop(self.semantic(self.drop(self.pool(self.convolution(fields)))))
        deep = self.tower([request.profile, request.history, candidates.embedded.features, semantic, statistics],
                          candidates.embedded.mask)
        wide = self.wide(request.columns, candidates.columns)
        return {task: wide[task] + logit for task, logit in deep.items()}

    def _vector(self, column: Column, values: Tensors) -> tf.Tensor:
        """`[R, d]` or `[R, N, d]`: an id's row; a sequence's rows summed."""
        rows = self.embeddings.spaces[column.space](values[column.name])
        if column.sequence is None:
            return rows
        return masked_sum(rows, length_mask(values[column.sequence.length], values[column.name]))

    def _fields(self) -> list[Column]:
        ids = {column.name: column for column in self.schema.columns()
               if column.feature.kind == "id" and not column.feature.multiple}
        if self.config.fields is None:
            pairs = matched_columns(self.schema, self.sequence) if self.sequence else []
            chosen = [column for pair in pairs for column in pair]
            chosen += [column for column in ids.values() if column not in chosen and column.level != "sequence"]
            # The request's fields come first wherever they are listed, so five of them may still hold no candidate.
            chosen = sorted(chosen[:5], key=lambda column: column.level == "candidate")
        else:
            for name in self.config.fields:
                if name not in ids:
                    raise ConfigError(f"model.config.fields: {name!r} is not an id column with one value{nearest(name, ids)}")
            chosen = sorted((ids[name] for name in self.config.fields), key=lambda column: column.level == "candidate")
        if len(chosen) < 2 or chosen[-1].level != "candidate":
            raise ConfigError(f"USM needs two id columns at least, one of them of the candidates, and the schema "
                              f"{self.schema.name!r} gave {[column.name for column in chosen]}; declare more, or choose "
                              "another model")
        return chosen

    def _width(self, fields: list[Column]) -> int:
        widths = {column.name: self.embeddings.spaces[column.space].dim for column in fields}
        if len(set(widths.values())) > 1:
            raise ConfigError(f"USM adds and multiplies its fields, which need one width; got {widths}; set "
                              "model.config.embedding.dims alike, or name other fields")
        return next(iter(widths.values()))
