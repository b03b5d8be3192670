"""Behaviours and candidates, embedded, and which ids they have in common."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from zoo.keras import keras, tf
from zoo.lengths import last
from zoo.schema import BehaviourSequence, Column, Schema


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

    @property
    def events(self) -> tf.Tensor:
        """`[R, T, D + C]` events with all their fields; not a copy where there is no context."""
        return tf.concat([self.keys, self.context], -1) if self.context.shape[-1] else self.keys


class EmbeddedCandidates(NamedTuple):
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


def matched_columns(schema: Schema, sequence: BehaviourSequence,
                    fields: Collection[str] | None = None) -> list[tuple[Column, Column]]:
    """Pairs (event column, candidate column) over the same id space, in the order of the candidate features.

    Columns with several values are never paired: no one value of them could be compared.
    """
    events = {column.feature.space: column for column in schema.sequence_columns(sequence)
              if _single(column) and (fields is None or column.feature.name in fields)}
    return [(events[column.feature.space], column) for column in schema.columns("candidate")
            if _single(column) and column.feature.space in events]


def recent(behaviours: Behaviours, count: int) -> Behaviours:
    """The last `count` real events of each history, from place 0: `[R, min(T, count), …]`."""
    lengths = tf.cast(tf.reduce_sum(behaviours.mask, 1), tf.int32)
    return Behaviours(*(last(value, lengths, count) for value in behaviours))


def same_ids(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 where two ids are the same; padding and unknown equal nothing."""
    return tf.cast((a == b) & (a > 1), tf.float32)


def match_flags(ids: tf.Tensor, event_ids: tf.Tensor) -> tf.Tensor:
    """`[R, N, T, F]` which ids `[R, N, F]` of each candidate the ids `[R, T, F]` of each event equal."""
    return same_ids(tf.expand_dims(ids, 2), tf.expand_dims(event_ids, 1))


class MatchLogits(keras.layers.Layer):
    """What equal ids add to the logits of attention: `Σ_f w_f·match_ntf`, w learned from 1. Ours.

    Args:
        heads: of attention, each with a w of its own; None for attention without heads.
    """

    def __init__(self, heads: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.sum = keras.layers.Dense(heads or 1, use_bias=False, kernel_initializer="ones")

    def call(self, candidates: EmbeddedCandidates, behaviours: Behaviours) -> tf.Tensor:
        """`[R, N, T]`, or `[R, N, H, T]` with heads."""
        logits = self.sum(match_flags(candidates.ids, behaviours.ids))
        return tf.squeeze(logits, -1) if self.heads is None else tf.transpose(logits, [0, 1, 3, 2])


def _single(column: Column) -> bool:
    return column.feature.kind == "id" and not column.feature.multiple
