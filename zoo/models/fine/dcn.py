"""DCN-v2: Deep & Cross Network."""

from __future__ import annotations

from typing import Any

import pydantic

from zoo.keras import keras, tf, tfrs
from zoo.layers.behaviours import EmbeddedCandidates
from zoo.layers.dense import MLP
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.statistics import present
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import Schema


class DCNConfig(NetworkConfig):
    """Args:
        embedding: tables.
        cross_layers: number of cross layers.
        rank: of the cross layers' low-rank kernels; None for full kernels.
        units: of the deep part, which stands parallel to the cross part.
        activation: of the deep part.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    cross_layers: int = pydantic.Field(default=3, ge=1)
    rank: int | None = pydantic.Field(default=None, ge=1)
    units: tuple[int, ...] = (200, 80)
    activation: str = "relu"


class DCN(RankingModel):
    """Deep & Cross Network, version 2, parallel: explicit crosses of bounded degree beside an MLP.

    `x_{l+1} = x_0 ⊙ (W_l·x_l + b_l) + x_l`, `z_n = w·[x_L; MLP(x_0)]`.

    Source: Wang et al., DCN V2, WWW 2021; the cross layer is TensorFlow Recommenders'.
    """

    Config = DCNConfig

    def __init__(self, schema: Schema, config: DCNConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.embeddings = Embeddings(schema, config.embedding, self.assets)
        self.crosses = [tfrs.layers.dcn.Cross(projection_dim=config.rank) for _ in range(config.cross_layers)]
        self.deep = MLP(config.units, config.activation)
        self.head = keras.layers.Dense(len(schema.tasks))

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        histories = [self.embeddings.pooled(request, sequence) for sequence in self.schema.sequences]
        return {"profile": tf.concat([self.embeddings.profile(request), *histories], -1)}

    def encode_candidates(self, candidates: Tensors) -> EmbeddedCandidates:
        return self.embeddings.candidates(candidates)

    def score(self, request: dict[str, tf.Tensor], candidates: EmbeddedCandidates,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        features = tf.concat(present(candidates.features, statistics), -1)
        count = tf.shape(features)[1]
        start = tf.concat([tf.tile(tf.expand_dims(request["profile"], 1), [1, count, 1]), features], -1)
        crossed = start
        for cross in self.crosses:
            crossed = cross(start, crossed)
        logits = self.head(tf.concat([crossed, self.deep([request["profile"], features])], -1))
        return {label.name: logits[..., i] for i, label in enumerate(self.schema.tasks)}
