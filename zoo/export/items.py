"""Rows of a catalogue as the raw tensors of `encode_candidates`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.data.catalogue import weight_column
from zoo.keras import tf
from zoo.schema import CANDIDATE_COUNT, Column, Schema


def item_tensors(schema: Schema, items: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """The inputs of `encode_candidates` for items alone: `[1, N]`, `[1, N, V]` of several values, `[1, N, width]`.

    Args:
        schema: of the log.
        items: a batch of the catalogue (`Catalogue.batches`).

    Returns:
        Raw tensors by the signature's names, `candidate_count` among them.

    Example:
        >>> encode = tf.saved_model.load("runs/demo/towers/serving/towers/1").signatures["encode_candidates"]
        >>> for items in RequestLog("runs/demo/log").catalogue().batches(1024):
        ...     vectors = encode(**item_tensors(schema, items))["item"][0]        # [1024, 32]
    """
    tensors, columns = {}, schema.item_columns()
    for column in columns:
        values = items[column.feature.name]
        tensors[column.name] = _tensor(values, column)
        if column.feature.multiple:
            tensors[column.count] = tf.constant([[len(several) for several in values]], tf.int64)
        if column.feature.weighted:
            tensors[column.weight] = _padded(items[weight_column(column.feature)], tf.float32)
    return tensors | {CANDIDATE_COUNT: tf.constant([len(items[columns[0].feature.name])], tf.int64)}


def _tensor(values: Any, column: Column) -> tf.Tensor:
    kind = tf.float32 if column.feature.kind == "number" else tf.string
    return _padded(values, kind) if column.feature.multiple else tf.constant([values], kind)


def _padded(rows: Any, kind: tf.DType) -> tf.Tensor:
    """`[1, N, V]` of N lists."""
    flat, lengths = [one for row in rows for one in row], [len(row) for row in rows]
    ragged = tf.RaggedTensor.from_row_lengths(tf.constant(flat, kind), tf.constant(lengths, tf.int64))
    return tf.expand_dims(ragged.to_tensor(), 0)
