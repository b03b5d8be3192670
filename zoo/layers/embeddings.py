"""Embedding tables, one for each id space, and what a request log's columns become through them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.masking import length_mask, masked_mean
from zoo.lengths import last
from zoo.schema import CANDIDATE_COUNT, PADDING_ID, BehaviourSequence, Column, Schema

# Values `[R, T, D]` and their mask `[R, T]` to `[R, D]`.
Pooling = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class EmbeddingConfig(Config):
    """Widths and initial values of the tables.

    Args:
        dim: width of every table.
        dims: other widths for some spaces, by name.
        bucket_dim: width of the tables of quantile buckets.
        scale: standard deviation of the initial values.
        regularization: λ of mini-batch-aware L2 (DIN, section 5.2): only rows in the batch decay, by λ/frequency.
    """

    dim: int = pydantic.Field(16, ge=1)
    dims: dict[str, int] = {}
    bucket_dim: int = pydantic.Field(8, ge=1)
    scale: float = pydantic.Field(0.05, gt=0)
    regularization: float = pydantic.Field(0.0, ge=0)


class Behaviours(NamedTuple):
    """A behaviour sequence, embedded. Oldest first.

    Args:
        keys: `[R, T, D]` the fields that share a space with a candidate feature, in the candidates' order.
        context: `[R, T, C]` the other fields (action, time gap); C may be 0.
        mask: `[R, T]` 1 for real events.
        ids: `[R, T, F]` ids of the fields in `keys`.
    """

    keys: tf.Tensor
    context: tf.Tensor
    mask: tf.Tensor
    ids: tf.Tensor


class Candidates(NamedTuple):
    """The candidates of a request, embedded.

    Args:
        query: `[R, N, D]` the features that the behaviours have too, aligned with `Behaviours.keys`.
        features: `[R, N, E]` every feature: ids, numbers, buckets.
        mask: `[R, N]` 1 for real candidates.
        ids: `[R, N, F]` ids of the features in `query`.
    """

    query: tf.Tensor
    features: tf.Tensor
    mask: tf.Tensor
    ids: tf.Tensor


def same_ids(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 where two ids are the same; padding and unknown equal nothing."""
    return tf.cast((a == b) & (a > 1), tf.float32)


def recent(behaviours: Behaviours, count: int) -> Behaviours:
    """The last `count` real events of each history, from place 0: `[R, min(T, count), …]`."""
    lengths = tf.cast(tf.reduce_sum(behaviours.mask, 1), tf.int32)
    keys, context, mask, ids = (last(value, lengths, count) for value in behaviours)
    return Behaviours(keys, context, mask, ids)


class EmbeddingTable(keras.layers.Layer):
    """A table whose gradient stays sparse: `[..., ]` ids to `[..., dim]` vectors.

    Ids outside the table (a model older than the vocabulary) read the row of the unknown id, on any device.
    """

    def __init__(self, rows: int, dim: int, scale: float = 0.05, **kwargs):
        super().__init__(**kwargs)
        self.rows, self.dim = rows, dim
        initializer = keras.initializers.RandomNormal(stddev=scale) if scale else "zeros"
        self.table = self.add_weight("table", (rows, dim), initializer=initializer)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        # An id past the end would raise on CPU and read zeros on GPU.
        known = tf.where((ids >= 0) & (ids < self.rows), ids, tf.ones_like(ids))
        return tf.gather(self.table, known)


class Embeddings(keras.layers.Layer):
    """All tables of a model and the three views that models are made of: profile, behaviours, candidates.

    Args:
        schema: a bound schema.
        config: widths.

    Example:
        >>> embeddings = Embeddings(schema, EmbeddingConfig(dim=16))
        >>> embeddings.behaviours(inputs, schema.sequence("behaviours")).keys      # [R, T, D]
    """

    def __init__(self, schema: Schema, config: EmbeddingConfig, **kwargs):
        super().__init__(**kwargs)
        self.schema, self.config = schema, config
        self.spaces = {
            name: EmbeddingTable(schema.size(name), config.dims.get(name, config.dim), config.scale,
                                 name=f"space_{name}")
            for name in _used_spaces(schema)
        }
        self.buckets = {
            column.name: EmbeddingTable(column.feature.buckets + 2, config.bucket_dim, config.scale,
                                        name=f"bucket_{column.name}")
            for column in schema.columns() if column.feature.buckets
        }
        if config.regularization:
            # Rows seen this often in the training split; set by the trainer before the first step.
            self.frequencies = {
                name: self.add_weight(f"frequency_{name}", (schema.size(name),), initializer="ones", trainable=False)
                for name in self.spaces
            }

    # ---- views ---------------------------------------------------------------------------------------------------

    def profile(self, request: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """`[R, P]` all request features side by side; P may be 0."""
        parts = [self._embed(column, request) for column in self.schema.columns("request")]
        rows = tf.shape(next(iter(request.values())))[0]
        return tf.concat(parts, -1) if parts else tf.zeros((rows, 0))

    def behaviours(self, request: Mapping[str, tf.Tensor], sequence: BehaviourSequence,
                   fields: Collection[str] | None = None) -> Behaviours:
        """A sequence, with the fields that candidates have too (same space) apart from the others; only some of its fields,
        where they are named."""
        matched = matched_columns(self.schema, sequence, fields)
        columns = [column for column in self.schema.sequence_columns(sequence) if _chosen(column, fields)]
        nothing = request[columns[0].name][..., tf.newaxis][..., :0]
        keys = [self.spaces[event.feature.space](request[event.name]) for event, _ in matched]
        ids = tf.stack([request[event.name] for event, _ in matched], -1) if matched else tf.cast(nothing, tf.int64)
        taken = {event.name for event, _ in matched}
        context = [self._embed(column, request) for column in columns if column.name not in taken]
        mask = length_mask(request[sequence.length], ids)
        nothing = tf.cast(nothing, tf.float32)
        return Behaviours(tf.concat([nothing, *keys], -1), tf.concat([nothing, *context], -1), mask, ids)

    def pooled(self, request: Mapping[str, tf.Tensor], sequence: BehaviourSequence, pool: Pooling = masked_mean) -> tf.Tensor:
        """`[R, D + C]` a sequence's events with all their fields, pooled over its true length."""
        events = self.behaviours(request, sequence)
        return pool(tf.concat([events.keys, events.context], -1), events.mask)

    def candidates(self, candidates: Mapping[str, tf.Tensor], sequence: BehaviourSequence | None = None,
                   fields: Collection[str] | None = None) -> Candidates:
        """All candidate features, and those that `sequence` (the behaviours by default) has too, in its order."""
        sequence = sequence or self.schema.sequence("behaviours")
        columns = self.schema.columns("candidate")
        embedded = {column.name: self._embed(column, candidates) for column in columns}
        matched = [column for _, column in matched_columns(self.schema, sequence, fields)] if sequence else []
        first = candidates[columns[0].name]
        mask = length_mask(candidates[CANDIDATE_COUNT], first)
        if matched:
            query = tf.concat([embedded[column.name] for column in matched], -1)
            ids = tf.stack([candidates[column.name] for column in matched], -1)
        else:
            query, ids = tf.zeros_like(mask)[..., tf.newaxis][..., :0], tf.zeros_like(first)[..., tf.newaxis][..., :0]
        return Candidates(query, tf.concat(list(embedded.values()), -1), mask, ids)

    def matched_width(self, sequence: BehaviourSequence) -> int:
        """Width D of `Behaviours.keys` and `Candidates.query`."""
        return sum(self.spaces[event.feature.space].dim for event, _ in matched_columns(self.schema, sequence))

    def behaviours_width(self, sequence: BehaviourSequence) -> int:
        """Width D + C of an event of `sequence` with all its fields."""
        taken = {event.name for event, _ in matched_columns(self.schema, sequence)}
        others = [column for column in self.schema.sequence_columns(sequence) if column.name not in taken]
        return self.matched_width(sequence) + sum(self._width(column) for column in others)

    def _width(self, column: Column) -> int:
        if column.feature.kind == "id":
            return self.spaces[column.feature.space].dim
        return column.feature.width + (self.config.bucket_dim if column.feature.buckets else 0)

    def _embed(self, column: Column, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """One column as a vector: an id's row; a number itself, and its bucket's row where it has buckets."""
        if column.feature.kind == "id":
            return self.spaces[column.feature.space](values[column.name])
        number = values[column.name]
        parts = [number if column.feature.width > 1 else number[..., tf.newaxis]]
        if column.feature.buckets:
            parts.append(self.buckets[column.name](values[column.bucket]))
        return tf.concat(parts, -1)

    # ---- mini-batch-aware regularisation -------------------------------------------------------------------------

    def count_frequencies(self, batches: Iterable[Mapping[str, tf.Tensor]]) -> None:
        """Counts the ids of the training split; without it, every row counts as seen once."""
        counts = {name: np.zeros(self.schema.size(name)) for name in self.spaces}
        for inputs in batches:
            for column in self.schema.columns():
                if column.feature.space in counts:
                    counts[column.feature.space] += np.bincount(
                        inputs[column.name].numpy().ravel(), minlength=len(counts[column.feature.space]))
        for name, variable in self.frequencies.items():
            variable.assign(np.maximum(counts[name], 1.0))

    def regularization(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Mini-batch-aware L2: `λ/2 · Σ_{j in the batch} ‖w_j‖² / n_j`, each row once however often it occurs.

        Its gradient is the paper's `λ · (α_mj / n_j) · w_j`. Padding is not an id and does not decay.
        """
        total = tf.constant(0.0)
        for space, table in self.spaces.items():
            columns = [c for c in self.schema.columns() if c.feature.space == space]
            ids, _ = tf.unique(tf.concat([tf.reshape(inputs[column.name], [-1]) for column in columns], 0))
            ids = tf.boolean_mask(ids, ids != PADDING_ID)
            squares = tf.reduce_sum(tf.square(table(ids)), -1)
            total += tf.reduce_sum(squares / tf.gather(self.frequencies[space], ids))
        return 0.5 * self.config.regularization * total


def matched_columns(schema: Schema, sequence: BehaviourSequence,
                    fields: Collection[str] | None = None) -> list[tuple[Column, Column]]:
    """Pairs (event column, candidate column) over the same id space, in the order of the candidate features."""
    events = {column.feature.space: column for column in schema.sequence_columns(sequence)
              if column.feature.space and _chosen(column, fields)}
    return [(events[column.feature.space], column) for column in schema.columns("candidate")
            if column.feature.space in events]


def _chosen(column: Column, fields: Collection[str] | None) -> bool:
    return fields is None or column.feature.name in fields


def _used_spaces(schema: Schema) -> list[str]:
    used = {column.feature.space for column in schema.columns() if column.feature.space}
    return [name for name in schema.spaces if name in used]
