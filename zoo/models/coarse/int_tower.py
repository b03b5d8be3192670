"""IntTower: two towers whose layers meet early, in many heads."""

from __future__ import annotations

from typing import Any

import pydantic

from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.layers.dense import MLP
from zoo.layers.distillation import StudentConfig
from zoo.layers.embeddings import Embeddings, FieldEmbeddingConfig
from zoo.layers.interactions import LightSqueezeExcitation, merge_fields
from zoo.losses import weighted_mean
from zoo.models.base import RankingModel, Tensors
from zoo.schema import Schema
from zoo.traits import Traits

CONTRAST = "contrast"


class IntTowerConfig(StudentConfig):
    """Args:
        embedding: tables; all fields are `dim` wide.
        units: widths of both towers' hidden layers.
        heads: vectors that each layer of the user, and the item, has.
        dim: of such a vector.
        contrast: weight of the contrastive loss.
        temperature: of it.
    """

    embedding: FieldEmbeddingConfig = FieldEmbeddingConfig()
    units: tuple[int, ...] = pydantic.Field(default=(128, 64), min_length=1)
    heads: int = pydantic.Field(default=4, ge=1)
    dim: int = pydantic.Field(default=16, ge=1)
    contrast: float = pydantic.Field(default=0.1, ge=0)
    temperature: float = pydantic.Field(default=0.2, gt=0)


class IntTower(RankingModel):
    """Interaction-enhanced two-tower: `z_n = a·Σ_l Σ_i max_j ⟨u_li, v_nj⟩ + b`.

    Each layer l of the user's tower has heads u_li, the item's last layer has heads v_j, which are computed ahead of time for a
    whole catalogue; each head of the user finds the item's that suits it best. Fields are re-weighted lightly before either
    tower. In training, a contrastive loss draws the user's last layer to the clicked items of a request, away from the others.

    Source: Li et al., IntTower: the Next Generation of Two-Tower Model for Pre-Ranking System, CIKM 2022 (arXiv 2210.09890).
    """

    Config = IntTowerConfig
    config: IntTowerConfig
    traits = Traits(stage="coarse", items="ahead")

    def __init__(self, schema: Schema, config: IntTowerConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.embeddings = Embeddings(schema.of_items(), config.embedding, self.assets)
        self.user_fields, self.item_fields = LightSqueezeExcitation(), LightSqueezeExcitation()
        self.user_layers = [MLP((width,)) for width in config.units]
        self.item_tower = MLP(config.units)
        width = config.heads * config.dim
        # Without a ReLU: heads of no negative number would never score below 0.5.
        self.user_heads = [[keras.layers.Dense(width) for _ in config.units] for _ in schema.tasks]
        self.item_heads = keras.layers.Dense(width)
        self.slope = self.add_weight("slope", (len(schema.tasks),), initializer="ones")
        self.bias = self.add_weight("bias", (len(schema.tasks),), initializer="zeros")

    def encode_request(self, request: Tensors) -> dict[str, tf.Tensor]:
        """`[R, layers·heads, D]` of each task."""
        hidden = merge_fields(self.user_fields(self.embeddings.request_fields(request)))
        layers = [hidden := layer([hidden]) for layer in self.user_layers]
        return {label.name: tf.concat([self._heads(head(layer)) for head, layer in zip(heads, layers, strict=True)], 1)
                for label, heads in zip(self.schema.tasks, self.user_heads, strict=True)}

    def encode_candidates(self, candidates: Tensors) -> dict[str, tf.Tensor]:
        """`[R, N, heads, D]`."""
        fields = self.item_fields(self.embeddings.candidate_fields(candidates))
        return {"heads": self._heads(self.item_heads(self.item_tower([merge_fields(fields)])))}

    def score(self, request: dict[str, tf.Tensor], candidates: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        logits = {}
        for place, label in enumerate(self.schema.tasks):
            met = tf.einsum("rud,rnvd->rnuv", request[label.name], candidates["heads"])
            logits[label.name] = self.slope[place] * tf.reduce_sum(tf.reduce_max(met, -1), -1) + self.bias[place]
        # The user's last layer and the item, as one vector each.
        user, item = request[self.schema.tasks[0].name][:, -self.config.heads:], candidates["heads"]
        user, item = tf.math.l2_normalize(user, [1, 2], 1e-6), tf.math.l2_normalize(item, [2, 3], 1e-6)
        return logits | {CONTRAST: tf.einsum("rud,rnud->rn", user, item) / self.config.temperature}

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        task = self.schema.tasks[0].name
        weights, labels = batch.weights[task], batch.labels[task]
        # Of candidates without an outcome it is not known on which side they stand.
        among = tf.where(weights > 0, outputs[CONTRAST], -1e9)
        cross_entropy = weighted_mean(-tf.nn.log_softmax(among, -1), weights * labels)
        return super().loss(outputs, batch) + self.config.contrast * cross_entropy

    def _heads(self, values: tf.Tensor) -> tf.Tensor:
        """`[..., heads·D]` to `[..., heads, D]`."""
        return tf.reshape(values, tf.concat([tf.shape(values)[:-1], [self.config.heads, self.config.dim]], 0))
