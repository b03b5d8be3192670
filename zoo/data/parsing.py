"""tf.Examples to tensors, raw as they come from a log and transformed as they come from the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.keras import tf
from zoo.schema import CANDIDATE_COUNT, Column, Schema

Tensors = dict[str, tf.Tensor]


def raw_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of the columns of a raw, unlabelled example: strings for ids, floats for numbers."""
    return {column.name: _feature(column, tf.string if column.feature.kind == "id" else tf.float32)
            for column in schema.columns()}


def label_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of labels, and of the sample weight where there is one; the same raw and transformed."""
    names = [label.column for label in schema.labels] + (["sample_weight"] if schema.sample_weight else [])
    return {name: tf.io.RaggedFeature(tf.float32) for name in names}


def truth_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of the true probabilities that a simulator keeps."""
    return {label.truth_column: tf.io.RaggedFeature(tf.float32) for label in schema.labels if label.truth}


def key_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of the request's id, its keys and the raw group key, in transformed examples."""
    names = dict.fromkeys([*schema.string_keys, schema.group_column])
    return {name: tf.io.FixedLenFeature([], tf.string) for name in names}


def transformed_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of transformed columns: ids and buckets int64, numbers float."""
    spec = {c.name: _feature(c, tf.int64 if c.feature.kind == "id" else tf.float32) for c in schema.columns()}
    return spec | {c.bucket: _feature(c, tf.int64) for c in schema.columns() if c.feature.buckets}


def to_dense(schema: Schema, parsed: Mapping[str, Any]) -> Tensors:
    """The model's inputs from parsed columns: ragged ones padded to the longest of the batch, lengths beside them.

    Args:
        schema: declares the columns; `parsed` may hold only the request's or only the candidates' ones.
        parsed: by column name; sequences and candidates ragged `[R, (L)]`.

    Returns:
        Request columns `[R]`, sequence columns `[R, T]` (the most recent `max_length` events) with `<sequence>_length`
        `[R]`, candidate columns `[R, N]` (`[R, N, width]`) with `candidate_count` `[R]`.

    Raises:
        tf.errors.InvalidArgumentError: the fields of a sequence, or the candidates' features, are not equally long.
    """
    dense: Tensors = {name: parsed[name] for name in _names(schema.columns("request")) if name in parsed}
    for sequence in schema.sequences:
        columns = {name: parsed[name][:, -sequence.max_length:] for name in _names(schema.sequence_columns(sequence))
                   if name in parsed}
        dense |= _pad(columns, sequence.length, {})
    widths = {column.name: column.feature.width for column in schema.columns("candidate")}
    columns = {name: parsed[name] for name in _names(schema.columns("candidate")) if name in parsed}
    return dense | _pad(columns, CANDIDATE_COUNT, widths)


def smallest_inputs(schema: Schema) -> Tensors:
    """The model's inputs for one request of one event and one candidate, all zero: enough to build a model by calling it."""
    widths = {column.name: column.feature.width for column in schema.columns()}

    def empty(name: str, feature: Any) -> Any:
        value = tf.zeros([widths.get(name, 1)], feature.dtype) if feature.dtype != tf.string else tf.constant([""])
        return value if isinstance(feature, tf.io.FixedLenFeature) else tf.RaggedTensor.from_row_lengths(value, tf.shape(value))

    return to_dense(schema, {name: empty(name, feature) for name, feature in transformed_spec(schema).items()})


def labels_and_weights(schema: Schema, parsed: Mapping[str, tf.RaggedTensor]) -> tuple[Tensors, Tensors]:
    """Labels and weights by task, `[R, N]` each; padding and labels that are NaN (not observed) weigh 0."""
    labels, weights = {}, {}
    for label in schema.labels:
        ragged = parsed[label.column]
        mask = tf.sequence_mask(ragged.row_lengths(), dtype=tf.float32)
        values = ragged.to_tensor()
        observed = tf.cast(~tf.math.is_nan(values), tf.float32)
        weight = parsed["sample_weight"].to_tensor() if schema.sample_weight else 1.0
        labels[label.name] = tf.where(observed > 0, values, 0.0)
        weights[label.name] = mask * observed * weight
    return labels, weights


def _pad(columns: Mapping[str, tf.RaggedTensor], length: str, widths: Mapping[str, int]) -> Tensors:
    if not columns:
        return {}
    dense, lengths, first = {}, None, None
    for name, ragged in columns.items():
        width = widths.get(name, 1)
        row_lengths = ragged.row_lengths() // width
        if lengths is None:
            lengths, first = row_lengths, name
        with tf.control_dependencies([tf.debugging.assert_equal(
                row_lengths, lengths, message=f"columns {first!r} and {name!r} must be equally long in every request")]):
            values = ragged.to_tensor()
        dense[name] = tf.reshape(values, [tf.shape(values)[0], -1, width]) if width > 1 else values
    return dense | {length: lengths}


def _feature(column: Column, dtype: tf.DType) -> Any:
    return tf.io.FixedLenFeature([], dtype) if column.level == "request" else tf.io.RaggedFeature(dtype)


def _names(columns: list[Column]) -> list[str]:
    return [name for column in columns for name in
            ([column.name, column.bucket] if column.feature.buckets else [column.name])]
