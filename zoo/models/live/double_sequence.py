"""The double-sequence model of live rooms: product history against the shelf, room history against the room."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.masking import masked_mean
from zoo.layers.minutes import Minutes
from zoo.layers.multi_task import MultiTaskConfig, MultiTaskHead
from zoo.layers.shelf import Shelf, ShelfAttention, several_values, shelf_pairs
from zoo.layers.sold import SoldForecast
from zoo.layers.target_attention import TargetAttention, TargetAttentionConfig
from zoo.models.base import NetworkConfig, RankingModel, Tensors
from zoo.schema import BehaviourSequence, Column, Schema


class DoubleSequenceConfig(NetworkConfig):
    """Args:
        embedding: tables.
        streams: `products`, the product history against the shelf; `rooms`, the room history against the room; one or both.
        shelf_hidden: width of the attention that sums up a shelf.
        attention: of the room history.
        minutes_units: width of the recurrence over what was counted in the recent past; 0 for none.
        tasks: what the tasks share.
    """

    embedding: EmbeddingConfig = EmbeddingConfig()
    streams: tuple[Literal["products", "rooms"], ...] = pydantic.Field(default=("products", "rooms"), min_length=1)
    shelf_hidden: int = pydantic.Field(default=32, ge=1)
    attention: TargetAttentionConfig = TargetAttentionConfig(activation="dice")
    minutes_units: int = pydantic.Field(default=16, ge=0)
    tasks: MultiTaskConfig = MultiTaskConfig(expert_units=(128,), tower_units=(64,))


class LiveRequestState(NamedTuple):
    """`profile [R, P]`, the user `[R, U]` by which a shelf is looked at, and the histories of the streams that are on."""

    profile: tf.Tensor
    user: tf.Tensor
    rooms: Behaviours | None
    products: Behaviours | None


class LiveCandidateState(NamedTuple):
    """The embedded rooms, their shelves and what was sold last (None without the stream), and their recent past `[R, N, H]`."""

    embedded: EmbeddedCandidates
    shelf: Shelf | None
    sold: Shelf | None
    minutes: tf.Tensor | None


class DoubleSequence(RankingModel):
    """Two histories, each against its own part of a room, and tasks that share experts.

    `z_k = head_k([profile; e; u_p; g; u_p ⊙ g; r; s; u_l; u_l ⊙ e; m])`: the room e; the product history `u_p`, its relevance r
    and the shelf g by `ShelfAttention`; `s` the shelf that the last sales forecast (`SoldForecast`); the room history `u_l` by
    `TargetAttention`; and the recent past m by `Minutes`. Where an order is given a click, the schema says so, and the loss
    learns it over the entire space (`zoo.losses.task_losses`).

    Source: the live-content recommendation of 1688, InfoQ/DataFun 2021, which gives no formulas; MMoE: Ma et al., KDD 2018.
    """

    Config = DoubleSequenceConfig
    config: DoubleSequenceConfig

    def __init__(self, schema: Schema, config: DoubleSequenceConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.embeddings = self.make_embeddings(schema)
        self.rooms = self.required_sequence("behaviours") if "rooms" in config.streams else None
        self.attention = TargetAttention(config.attention) if self.rooms else None
        self.products, self.pairs = self._products() if "products" in config.streams else (None, [])
        self.shelf_attention = ShelfAttention(self._width(), config.shelf_hidden) if self.products else None
        sold = [column for column in schema.candidates_with("sold") if column.feature.multiple]
        self.sold = sold if self.products else []
        self.forecast = SoldForecast(self.sold[0].feature.max_values, self._width()) if self.sold else None
        recent = [column for column in schema.candidates_with("recent") if column.feature.kind == "number"]
        self.minutes = Minutes(recent, config.minutes_units) if recent and config.minutes_units else None
        # The histories of a stream that is switched off are not read; those that no stream is made of are.
        self.others = [sequence for sequence in schema.sequences if sequence.role not in ("behaviours", "products")]
        self.head = MultiTaskHead(schema, config.tasks)

    def make_embeddings(self, schema: Schema) -> Embeddings:
        """The model's tables."""
        return Embeddings(schema, self.config.embedding, self.assets)

    def encode_request(self, request: Tensors) -> LiveRequestState:
        others = [self.embeddings.pooled(request, sequence) for sequence in self.others]
        profile = tf.concat([self.embeddings.profile(request), *others], -1)
        rooms = self.embeddings.behaviours(request, self.rooms) if self.rooms else None
        products = self.embeddings.behaviours(request, self.products, pairs=self.pairs) if self.products else None
        histories = [masked_mean(past.events, past.mask) for past in (rooms, products) if past is not None]
        return LiveRequestState(profile, tf.concat([profile, *histories], -1), rooms, products)

    def encode_candidates(self, candidates: Tensors) -> LiveCandidateState:
        return LiveCandidateState(
            self.embeddings.candidates(candidates, self.rooms),
            several_values(self.embeddings, [column for _, column in self.pairs], candidates) if self.products else None,
            several_values(self.embeddings, self.sold, candidates) if self.sold else None,
            self.minutes(candidates) if self.minutes else None)

    def score(self, request: LiveRequestState, candidates: LiveCandidateState,
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return self.head(self.parts(request, candidates, statistics), candidates.embedded.mask)

    def parts(self, request: LiveRequestState, candidates: LiveCandidateState,
              statistics: tf.Tensor | None = None) -> list[tf.Tensor | None]:
        """What the head is given, `[R, ·]` and `[R, N, ·]`; None is nothing."""
        embedded, shelf = candidates.embedded, candidates.shelf
        parts = [request.user, embedded.features, candidates.minutes, statistics]
        if self.attention is not None:
            interest = self.attention(embedded, request.rooms)
            parts += [interest, interest[..., :embedded.query.shape[-1]] * embedded.query]
        if self.shelf_attention is not None and shelf is not None:
            found = self.shelf_attention(shelf, request.products, request.user)
            parts += [*found, found.history[..., :found.summary.shape[-1]] * found.summary]
            if self.forecast is not None:
                parts.append(self.forecast(candidates.sold, shelf))
        return parts

    def _width(self) -> int:
        return sum(self.embeddings.width(column) for _, column in self.pairs)

    def _products(self) -> tuple[BehaviourSequence, list[tuple[Column, Column]]]:
        """The product history, and its fields that the shelf has, too."""
        sequence = self.schema.sequence("products")
        pairs = shelf_pairs(self.schema, sequence) if sequence else []
        if sequence is None or not pairs:
            raise ConfigError(
                f"DoubleSequence needs a sequence with the role 'products' and a candidate feature with the role 'shelf' and "
                f"several values over one id space, and the schema {self.schema.name!r} has no such pair; declare them, or "
                "leave the product stream out: model.config.streams: [rooms]")
        return sequence, pairs
