"""HIN attention for live rooms: what the neighbours of users and rooms in a heterogeneous network say."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import pydantic

from zoo.config import ConfigError, nearest
from zoo.keras import tf
from zoo.layers.embeddings import Embeddings
from zoo.layers.expanded_behaviours import expanded
from zoo.layers.hin_attention import MetaPaths, NeighbourAttention, SemanticAttention, SemanticMean
from zoo.layers.meta_path_neighbours import MetaPathConfig, MetaPathNeighbours, node_column
from zoo.layers.role_embeddings import RoleEmbeddingConfig, RoleEmbeddings
from zoo.models.base import Tensors
from zoo.models.live.double_sequence import DoubleSequence, DoubleSequenceConfig, LiveCandidateState, LiveRequestState
from zoo.schema import Schema


class HINConfig(DoubleSequenceConfig):
    """Args:
        embedding: shared tables, which may begin with vectors of metapath2vec, and dedicated ones.
        paths: meta-paths by name, each with a file of neighbours; those of columns of the request speak of the user, those of
            candidates' columns of the room.
        semantic: how the paths of a side are put together: by `attention` that the room asks, or by their `mean`.
        semantic_units: width of that attention.
        expand: names of paths from the product history's items to items: their neighbours are events of that history.
    """

    # Settings are frozen, so that a narrower type is no danger.
    embedding: RoleEmbeddingConfig = RoleEmbeddingConfig(dim=32)  # pyright: ignore[reportIncompatibleVariableOverride]
    paths: dict[str, MetaPathConfig] = {}
    semantic: Literal["attention", "mean"] = "attention"
    semantic_units: int = pydantic.Field(default=32, ge=1)
    expand: tuple[str, ...] = ()


class HINRequestState(NamedTuple):
    """What the double-sequence model knows, and what the user's meta-paths say (None without any)."""

    live: LiveRequestState
    user: MetaPaths | None


class HINCandidateState(NamedTuple):
    """What the double-sequence model knows, and what the rooms' meta-paths say (None without any)."""

    live: LiveCandidateState
    room: MetaPaths | None


class HINAttention(DoubleSequence):
    """The double-sequence model with a heterogeneous network: users, products, rooms and categories, and who is near whom.

    `h_ρ = Σ_k softmax_k(LeakyReLU(aᵀ[e; e_k]))·e_k` over a node's neighbours along the meta-path ρ, and
    `h = Σ_ρ softmax_ρ(⟨q(room), tanh(W h_ρ + b)⟩)·h_ρ`, for the user and for the room; the head of `DoubleSequence` gets
    `[…; h_user; h_room; h_user ⊙ h_room]`. Neighbours are looked up in tables that walks over the log's graph made before
    training; no graph is asked at a request. A node without neighbours along a path has no part in it, and one without any has
    zeros.

    Source: the live-content recommendation of 1688, InfoQ/DataFun 2021, which gives no formulas; Wang et al., Heterogeneous
    Graph Attention Network, WWW 2019; Dong et al., metapath2vec, KDD 2017.
    """

    Config = HINConfig
    config: HINConfig  # pyright: ignore[reportIncompatibleVariableOverride]  (never set anew)

    def __init__(self, schema: Schema, config: HINConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        levels = {name: node_column(schema, name, path).level for name, path in config.paths.items()}
        self.along = {name: MetaPathNeighbours(schema, name, path, self._role_embeddings, self.assets)
                      for name, path in config.paths.items()}
        self._check(config)
        attended = [name for name in config.paths if name not in config.expand]
        self.of_user = [name for name in attended if levels[name] != "candidate"]
        self.of_room = [name for name in attended if levels[name] == "candidate"]
        self.user_neighbours, self.room_neighbours = (
            NeighbourAttention(len(names)) if names else None for names in (self.of_user, self.of_room))
        self.user_paths, self.room_paths = (
            (SemanticAttention(config.semantic_units) if config.semantic == "attention" else SemanticMean()) if names else None
            for names in (self.of_user, self.of_room))

    def make_embeddings(self, schema: Schema) -> Embeddings:
        to = {path.to for path in self.config.paths.values()}
        nodes = {node_column(schema, name, path).space for name, path in self.config.paths.items()}
        return RoleEmbeddings(schema, self.config.embedding, self.assets, to | nodes)

    # States of the double-sequence model, with more beside them.
    def encode_request(self, request: Tensors) -> HINRequestState:  # pyright: ignore[reportIncompatibleMethodOverride]
        live = super().encode_request(request)
        for name in self.config.expand:
            columns = [event for event, _ in self.pairs]
            assert live.products is not None, "the path's column is one of its fields"
            live = live._replace(products=expanded(live.products, columns, self.along[name], self._role_embeddings, request))
        user = self.user_neighbours([self.along[name](request) for name in self.of_user]) if self.user_neighbours else None
        return HINRequestState(live, user)

    def encode_candidates(self, candidates: Tensors) -> HINCandidateState:  # pyright: ignore[reportIncompatibleMethodOverride]
        room = self.room_neighbours([self.along[name](candidates) for name in self.of_room]) if self.room_neighbours else None
        return HINCandidateState(super().encode_candidates(candidates), room)

    def score(self, request: HINRequestState, candidates: HINCandidateState,  # pyright: ignore[reportIncompatibleMethodOverride]
              statistics: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        embedded = candidates.live.embedded
        user = room = None
        if self.user_paths is not None and request.user is not None:
            # One user and many rooms: what the paths say is the same for all, what counts of them is not.
            user = self.user_paths(request.user.paths[:, tf.newaxis], request.user.present[:, tf.newaxis], embedded.features)
        if self.room_paths is not None and candidates.room is not None:
            room = self.room_paths(*candidates.room, embedded.features)
        both = user * room if user is not None and room is not None else None
        parts = self.parts(request.live, candidates.live, statistics)
        return self.head([*parts, user, room, both], embedded.mask)

    @property
    def _role_embeddings(self) -> RoleEmbeddings:
        assert isinstance(self.embeddings, RoleEmbeddings)
        return self.embeddings

    def _check(self, config: HINConfig) -> None:
        widths = {path.to: self._role_embeddings.entity_width(path.to) for path in config.paths.values()}
        if len(set(widths.values())) > 1:
            raise ConfigError("model.config.embedding.dims: neighbours along all paths need vectors of one width, and there "
                              f"are {', '.join(f'{space} {width}' for space, width in widths.items())}")
        for name in config.expand:
            if name not in config.paths:
                raise ConfigError(f"model.config.expand: there is no path {name!r}{nearest(name, config.paths)}")
            column, products = self.along[name].column, [event for event, _ in self.pairs]
            if column not in products or column.space != config.paths[name].to:
                raise ConfigError(f"model.config.expand: the path {name!r} goes from {column.name} to {config.paths[name].to}; "
                                  "the history is expanded from a field that the shelf has, too, to the same space: "
                                  f"{', '.join(one.name for one in products) or 'there is none, the product stream is off'}")
