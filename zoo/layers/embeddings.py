"""Embedding tables, one for each id space, and what a request log's columns become through them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import pydantic

from zoo.assets import Assets
from zoo.config import Config, ConfigError, nearest
from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, matched_columns
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.masking import length_mask, masked_mean
from zoo.layers.pretrained import Anchor, PretrainedConfig, given_rows
from zoo.layers.row_regularization import RowRegularization
from zoo.layers.values import averaged
from zoo.schema import CANDIDATE_COUNT, BehaviourSequence, Column, Schema

Tensors = Mapping[str, tf.Tensor]
# Values `[R, T, D]` and their mask `[R, T]` to `[R, D]`.
Pooling = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class FieldEmbeddingConfig(Config):
    """Every column as one vector, all of one width: for models that add and multiply fields.

    Args:
        dim: width of every vector.
        scale: standard deviation of the initial values.
        regularization: λ of mini-batch-aware L2 (DIN, section 5.2): only rows in the batch decay, by λ/frequency.
        pretrained: vectors that tables begin with, by the names of their spaces.
    """

    dim: int = pydantic.Field(default=16, ge=1)
    scale: float = pydantic.Field(default=0.05, gt=0)
    regularization: float = pydantic.Field(default=0.0, ge=0)
    pretrained: dict[str, PretrainedConfig] = {}


class EmbeddingConfig(FieldEmbeddingConfig):
    """Ids as vectors, numbers as they are, with the vector of their bucket where they have buckets.

    Args:
        dim: width of every table over an id space.
        scale: standard deviation of the initial values.
        regularization: λ of mini-batch-aware L2 (DIN, section 5.2): only rows in the batch decay, by λ/frequency.
        pretrained: vectors that tables begin with, by the names of their spaces.
        dims: other widths for some spaces, by name.
        bucket_dim: width of the tables of quantile buckets.
    """

    dims: dict[str, pydantic.PositiveInt] = {}
    bucket_dim: int = pydantic.Field(default=8, ge=1)


class Embeddings(keras.layers.Layer):
    """All tables of a model and the views that models are made of: profile, behaviours, candidates, fields.

    With an `EmbeddingConfig`, an id becomes a row of its space's table, and a number stays what it is, with the row of its
    bucket beside it. With a `FieldEmbeddingConfig`, every column becomes one vector of the same width: an id's row, a bucket's
    row, or a number times a learned vector. Several values become their weighted mean. Text has no place here; it has
    `zoo.layers.text`.

    Args:
        schema: a bound schema.
        config: widths, and what tables begin with.
        assets: of the model: vocabularies and files of vectors, where tables begin with given ones.
        unshared: spaces without a table here; whoever names them looks their columns up otherwise.

    Raises:
        ConfigError: a setting for a space that the schema's columns don't use, or vectors that don't fit (`given_rows`).

    Example:
        >>> embeddings = Embeddings(schema, EmbeddingConfig(dim=16))
        >>> embeddings.behaviours(inputs, schema.sequence("behaviours")).keys      # [R, T, D]
        >>> fields = Embeddings(schema, FieldEmbeddingConfig(dim=16))
        >>> fields.request_fields(inputs), fields.candidate_fields(inputs)         # [R, F, D], [R, N, G, D]
    """

    def __init__(self, schema: Schema, config: FieldEmbeddingConfig, assets: Assets | None = None,
                 unshared: Collection[str] = (), **kwargs):
        super().__init__(**kwargs)
        self.schema, self.config = schema, config
        self.one_width = not isinstance(config, EmbeddingConfig)
        dims, bucket_dim = (config.dims, config.bucket_dim) if isinstance(config, EmbeddingConfig) else ({}, config.dim)
        columns = schema.columns()
        self._check("dims", dims)
        self._check("pretrained", config.pretrained)
        used, anchors = {column.feature.space for column in columns}, {}
        self.spaces = {space: self._table(space, dims.get(space, config.dim), assets or Assets(), anchors)
                       for space in schema.spaces if space in used and space not in unshared}
        self.buckets = {column.name: EmbeddingTable(column.feature.buckets + 2, bucket_dim, config.scale,
                                                    name=f"bucket_{column.name}")
                        for column in columns if column.feature.buckets}
        self.vectors = {column.name: self.add_weight(f"vector_{column.name}", (column.feature.width, config.dim),
                                                     initializer=keras.initializers.RandomNormal(stddev=config.scale))
                        for column in columns
                        if self.one_width and column.feature.kind == "number" and not column.feature.buckets}
        self.row_regularization = RowRegularization(schema, config.regularization, anchors)

    # ---- views ---------------------------------------------------------------------------------------------------

    def profile(self, request: Tensors) -> tf.Tensor:
        """`[R, P]` all request features side by side; P may be 0."""
        parts = self._vectors(self.schema.columns("request"), request)
        return tf.concat(parts, -1) if parts else tf.zeros((_rows(request), 0))

    def behaviours(self, request: Tensors, sequence: BehaviourSequence, fields: Collection[str] | None = None,
                   pairs: Sequence[tuple[Column, Column]] | None = None) -> Behaviours:
        """A sequence, with the fields that candidates have too (same space, or the given pairs) apart from the others; only
        some of its fields, where they are named."""
        matched = matched_columns(self.schema, sequence, fields) if pairs is None else pairs
        columns = self.schema.sequence_columns(sequence)
        mask = length_mask(request[sequence.length], request[columns[0].name])
        nothing = mask[..., tf.newaxis][..., :0]
        keys = [self.look_up(event, request[event.name]) for event, _ in matched]
        ids = tf.stack([request[event.name] for event, _ in matched], -1) if matched else tf.cast(nothing, tf.int64)
        taken = {event.name for event, _ in matched}
        context = self._vectors([column for column in columns if column.name not in taken
                                 and (fields is None or column.feature.name in fields)], request)
        return Behaviours(tf.concat([nothing, *keys], -1), tf.concat([nothing, *context], -1), mask, ids)

    def pooled(self, request: Tensors, sequence: BehaviourSequence, pool: Pooling = masked_mean) -> tf.Tensor:
        """`[R, D + C]` a sequence's events with all their fields, pooled over its true length."""
        behaviours = self.behaviours(request, sequence)
        return pool(behaviours.events, behaviours.mask)

    def candidates(self, candidates: Tensors, sequence: BehaviourSequence | None = None,
                   fields: Collection[str] | None = None) -> EmbeddedCandidates:
        """All candidate features, and those that `sequence` (the behaviours by default) has too, in its order."""
        sequence = sequence or self.schema.sequence("behaviours")
        columns = self.schema.columns("candidate")
        matched = [column for _, column in matched_columns(self.schema, sequence, fields)] if sequence else []
        mask = length_mask(candidates[CANDIDATE_COUNT], candidates[columns[0].name])
        nothing = mask[..., tf.newaxis][..., :0]
        vectors = {column.name: self._vector(column, candidates) for column in self.field_columns(columns)}
        query = [vectors[column.name] for column in matched]
        ids = tf.stack([candidates[column.name] for column in matched], -1) if matched else tf.cast(nothing, tf.int64)
        return EmbeddedCandidates(tf.concat([nothing, *query], -1),
                                  tf.concat([nothing, *vectors.values()], -1), mask, ids)

    def request_fields(self, request: Tensors, but: Collection[BehaviourSequence] = ()) -> tf.Tensor:
        """`[R, F, D]` the request's columns, then each sequence's columns averaged over its true length; without the sequences
        that a model sees otherwise."""
        vectors = self._fields(self.schema.columns("request"), request)
        for sequence in (one for one in self.schema.sequences if one not in but):
            for events in self._fields(self.schema.sequence_columns(sequence), request):
                vectors.append(masked_mean(events, length_mask(request[sequence.length], events)))
        return tf.stack(vectors, 1) if vectors else tf.zeros((_rows(request), 0, self.config.dim))

    def event_fields(self, request: Tensors, sequence: BehaviourSequence) -> tf.Tensor:
        """`[R, T, F, D]` a sequence's columns (`field_columns`), padding among them."""
        return tf.stack(self._fields(self.schema.sequence_columns(sequence), request), 2)

    def candidate_fields(self, candidates: Tensors) -> tf.Tensor:
        """`[R, N, G, D]` the candidates' columns."""
        return tf.stack(self._fields(self.schema.columns("candidate"), candidates), 2)

    def matched_width(self, sequence: BehaviourSequence) -> int:
        """Width D of `Behaviours.keys` and `EmbeddedCandidates.query`."""
        return sum(self.width(event) for event, _ in matched_columns(self.schema, sequence))

    def behaviours_width(self, sequence: BehaviourSequence) -> int:
        """Width D + C of `Behaviours.events`."""
        return sum(self.width(column) for column in self.schema.sequence_columns(sequence))

    # ---- columns -------------------------------------------------------------------------------------------------

    def look_up(self, column: Column, ids: tf.Tensor) -> tf.Tensor:
        """`[..., width]` the rows of some ids `[...]` of a column."""
        return self.spaces[column.space](ids)

    def width(self, column: Column) -> int:
        """Width of a column's vector: of a number with its bucket, of an id; 0 for text."""
        if column.feature.kind == "text":
            return 0
        if column.feature.kind == "id":
            return self.spaces[column.space].dim
        if self.one_width:
            return self.config.dim
        return column.feature.width + (self.buckets[column.name].dim if column.feature.buckets else 0)

    @staticmethod
    def field_columns(columns: list[Column]) -> list[Column]:
        """Those of some columns that are fields, in the order of the views: all but texts."""
        return [column for column in columns if column.feature.kind != "text"]

    def _fields(self, columns: list[Column], values: Tensors) -> list[tf.Tensor]:
        if not self.one_width:
            raise TypeError("fields have one width: give Embeddings a FieldEmbeddingConfig, not an EmbeddingConfig")
        return self._vectors(columns, values)

    def _vectors(self, columns: list[Column], values: Tensors) -> list[tf.Tensor]:
        """`[..., width]` of each column that is not text."""
        return [self._vector(column, values) for column in self.field_columns(columns)]

    def _vector(self, column: Column, values: Tensors) -> tf.Tensor:
        if column.feature.kind == "id":
            return averaged(functools.partial(self.look_up, column), column, values)
        bucket = [self.buckets[column.name](values[column.bucket])] if column.feature.buckets else []
        if self.one_width and bucket:
            return bucket[0]
        number = values[column.name] if column.feature.width > 1 else values[column.name][..., tf.newaxis]
        return tf.tensordot(number, self.vectors[column.name], 1) if self.one_width else tf.concat([number, *bucket], -1)

    # ---- regularisation ------------------------------------------------------------------------------------------

    def count_frequencies(self, batches: Iterable[Tensors]) -> None:
        """Counts the ids of the training split, for mini-batch-aware L2."""
        self.row_regularization.count(batches)

    def regularization(self, inputs: Tensors) -> tf.Tensor:
        """What training adds to the loss for the rows of a batch (`RowRegularization`), a scalar."""
        return self.row_regularization(inputs, self.spaces)

    # ---- tables --------------------------------------------------------------------------------------------------

    def _check(self, setting: str, names: Collection[str]) -> None:
        used = {column.feature.space for column in self.schema.columns() if column.feature.space}
        for name in names:
            if name not in used:
                raise ConfigError(f"model.config.embedding.{setting}: {name!r} is not an id space of the columns of the schema "
                                  f"{self.schema.name!r}{nearest(name, used)}")

    def _table(self, space: str, dim: int, assets: Assets, anchors: dict[str, Anchor]) -> EmbeddingTable:
        """The table of a space, filled with the vectors that are given for it; adds its anchor, if it has one."""
        start = self.config.pretrained.get(space)
        frozen = start is not None and start.mode == "frozen"
        scale = 0.0 if frozen else self.config.scale  # what is random there would stay so
        table = EmbeddingTable(self.schema.size(space), dim, scale, frozen=frozen, space=space, name=f"space_{space}")
        if start is not None:
            given = given_rows(self.schema, space, start, assets, dim)
            table.fill(given.ids, given.vectors)
            if start.anchor is not None:
                anchors[space] = Anchor(table.rows, given, start.anchor, name=f"anchor_{space}")
        return table


def _rows(request: Tensors) -> tf.Tensor:
    return tf.shape(next(iter(request.values())))[0]
