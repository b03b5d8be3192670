"""DSSM: a user's tower, an item's tower, and what little may happen where they meet."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.keras import keras, tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.dense import MLP
from zoo.layers.distillation import StudentConfig
from zoo.layers.embeddings import Embeddings, FieldEmbeddingConfig
from zoo.layers.history_crossing import HistoryCrossing
from zoo.layers.interactions import BilinearInteraction, SqueezeExcitation, merge_fields
from zoo.layers.masking import length_mask, masked_mean
from zoo.layers.matching_head import DotHead, MLPHead
from zoo.layers.nova import NovaBlock, NovaConfig
from zoo.models.base import RankingModel, Tensors
from zoo.schema import Schema
from zoo.traits import Traits


class DSSMConfig(StudentConfig):
    """Args:
        embedding: tables; all fields are `dim` wide.
        units: widths of both towers' hidden layers.
        dim: width of the vectors that meet.
        nova: the user's events attend to each other before they are averaged; None averages them as they are.
        senet: the item's fields are re-weighted by what all of them say.
        bilinear: products of pairs of the item's fields, one kernel for each left field.
        crossing: sums of the history's fields times the item's: `matched` pairs over one id space, `every` pair, or `none`.
        half_lives: in events: beside the whole history's sums, some that forget, so that what came last is told apart.
        head: the `dot` product of the two vectors, their `cosine`, or an `mlp` over them that begins as the product.
        head_units: widths of the `mlp`.
    """

    embedding: FieldEmbeddingConfig = FieldEmbeddingConfig()
    units: tuple[int, ...] = pydantic.Field(default=(128, 64), min_length=1)
    dim: int = pydantic.Field(default=32, ge=1)
    nova: NovaConfig | None = None
    senet: bool = False
    bilinear: bool = False
    crossing: Literal["none", "matched", "every"] = "none"
    half_lives: tuple[pydantic.PositiveFloat, ...] = ()
    head: Literal["dot", "cosine", "mlp"] = "dot"
    head_units: tuple[int, ...] = pydantic.Field(default=(64, 32), min_length=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> DSSMConfig:
        if self.half_lives and self.crossing == "none":
            raise ValueError("half_lives are of sums that are crossed, and crossing is 'none'; set it to 'matched' or 'every'")
        return self


class DSSM(RankingModel):
    """Dual tower: `z_nt = head_t(u_t, v_n, c_n)`, `u = MLP(user, history)`, `v_n = MLP(item)`, c history crossed with item.

    The item's side reads what belongs to the item alone, so that its vectors, the fields that are crossed and its half of the
    head are computed ahead of time for a whole catalogue; the user's side runs once a request.

    Source: Huang et al., Deep Structured Semantic Models, CIKM 2013; the switches are those of the coarse ranker of Tmall's new
    products (2021): NOVA (Liu et al., AAAI 2021), SENET and bilinear products (Huang et al., RecSys 2019).
    """

    Config = DSSMConfig
    config: DSSMConfig
    traits = Traits(stage="coarse", items="ahead")

    def __init__(self, schema: Schema, config: DSSMConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.sequence = self.required_sequence("behaviours")
        self.embeddings = Embeddings(schema.of_items(), config.embedding, self.assets)
        self.user_tower, self.item_tower = MLP(config.units), MLP(config.units)
        # The vectors that meet end without a ReLU: two of no negative number would never score below 0.5.
        self.user_vectors = [keras.layers.Dense(config.dim) for _ in schema.tasks]
        self.item_vector = keras.layers.Dense(config.dim)
        self.heads = [MLPHead(config.head_units) if config.head == "mlp" else DotHead(config.head == "cosine")
                      for _ in schema.tasks]
        self.nova = [NovaBlock(config.nova) for _ in range(config.nova.blocks)] if config.nova else []
        self.senet = SqueezeExcitation() if config.senet else None
        self.bilinear = BilinearInteraction() if config.bilinear else None
        events, items = (Embeddings.field_columns(columns) for columns in (
            schema.sequence_columns(self.sequence), self.embeddings.schema.columns("candidate")))
        matched = matched_columns(self.embeddings.schema, self.sequence)
        ids = next((event for event, item in matched if item.feature.role == "item"), matched[0][0])
        self.id_place = events.index(ids)
        # Of an item, no more is kept than what is crossed.
        self.crossed = list(range(len(items))) if config.crossing == "every" else sorted({
            items.index(item) for _, item in matched})
        self.crossing = HistoryCrossing("every" if config.crossing == "every" else [
            (events.index(event), self.crossed.index(items.index(item))) for event, item in matched], config.half_lives)

    def encode_request(self, request: Tensors) -> dict[str, Any]:
        events = self.read(self.embeddings.event_fields(request, self.sequence))
        mask = length_mask(request[self.sequence.length], events)
        parts = [merge_fields(self.read(self.embeddings.request_fields(request, but=[self.sequence] if self.nova else [])))]
        if self.nova:
            parts.append(masked_mean(self.attended(events, mask), mask))
        user = self.user_tower([part for part in parts if part.shape[-1] != 0])
        state = {"heads": {f"{place}": head.of_request(vector(user))
                           for place, (head, vector) in enumerate(zip(self.heads, self.user_vectors, strict=True))}}
        return state | ({"sums": self.crossing.sums(events, mask)} if self.config.crossing != "none" else {})

    def encode_candidates(self, candidates: Tensors) -> dict[str, Any]:
        fields = self.read(self.embeddings.candidate_fields(candidates))
        weighted = self.senet(fields) if self.senet else fields
        parts = [merge_fields(weighted)] + ([merge_fields(self.bilinear(weighted))] if self.bilinear else [])
        item = self.item_vector(self.item_tower(parts))
        state: dict[str, Any] = {"heads": {f"{place}": head.of_items(item) for place, head in enumerate(self.heads)}}
        return state | ({"fields": tf.gather(fields, list(self.crossed), axis=2)} if self.config.crossing != "none" else {})

    def score(self, request: dict[str, Any], candidates: dict[str, Any]) -> dict[str, tf.Tensor]:
        crosses = self.crossing(request["sums"], candidates["fields"]) if self.config.crossing != "none" else None
        return {label.name: head(request["heads"][f"{place}"], candidates["heads"][f"{place}"], crosses)
                for place, (label, head) in enumerate(zip(self.schema.tasks, self.heads, strict=True))}

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """What comes out of the tables, as the towers see it."""
        return embedded

    def attended(self, events: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`[R, T, D]` the ids of the events, seen through their other fields."""
        ids = events[:, :, self.id_place]
        side = tf.concat([events[:, :, :self.id_place], events[:, :, self.id_place + 1:]], 2)
        for block in self.nova:
            ids = block(ids, side, mask)
        return ids
