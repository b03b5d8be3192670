"""The raw tensors of a serving call, and what the model reads of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zoo.data import parsing
from zoo.keras import tf
from zoo.schema import CANDIDATE_COUNT, Column, Schema

Transform = Callable[[dict[str, Any]], Mapping[str, Any]]


def request_specs(schema: Schema) -> dict[str, tf.TensorSpec]:
    """Specs of the request's raw tensors: `[R]` columns, `[R, T]` sequences, `[R]` lengths."""
    specs = {c.name: _spec(c, [None]) for c in schema.columns("request")}
    specs |= {c.name: _spec(c, [None, None]) for c in schema.columns("sequence")}
    return specs | {s.length: tf.TensorSpec([None], tf.int64, s.length) for s in schema.sequences}


def candidate_specs(schema: Schema) -> dict[str, tf.TensorSpec]:
    """Specs of the candidates' raw tensors: `[R, N]` or `[R, N, width]`, and `candidate_count [R]`."""
    specs = {c.name: _spec(c, [None, None] + ([c.feature.width] if c.feature.width > 1 else []))
             for c in schema.columns("candidate")}
    return specs | {CANDIDATE_COUNT: tf.TensorSpec([None], tf.int64, CANDIDATE_COUNT)}


def request_inputs(schema: Schema, transform: Transform, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The model's request columns from raw tensors."""
    values: dict[str, Any] = {column.name: raw[column.name] for column in schema.columns("request")}
    lengths = {}
    for sequence in schema.sequences:
        _check_lengths(raw, sequence.length, [c.name for c in schema.sequence_columns(sequence)])
        # A longer history than the model was trained with keeps its most recent events.
        lengths[sequence.length] = tf.minimum(raw[sequence.length], sequence.max_length)
        for column in schema.sequence_columns(sequence):
            events = _last(raw[column.name], raw[sequence.length], sequence.max_length)
            values[column.name] = _sparse(events, lengths[sequence.length])
    return _densify(transform(values)) | lengths


def candidate_inputs(schema: Schema, transform: Transform, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The model's candidate columns from raw tensors."""
    count = raw[CANDIDATE_COUNT]
    columns = schema.columns("candidate")
    _check_lengths(raw, CANDIDATE_COUNT, [column.name for column in columns])
    values = {column.name: _sparse(_flat(raw[column.name], column), count * column.feature.width) for column in columns}
    dense = _densify(transform(values))
    for column in columns:
        if column.feature.width > 1:
            dense[column.name] = tf.reshape(dense[column.name], tf.shape(raw[column.name]))
    return dense | {CANDIDATE_COUNT: count}


def example_inputs(schema: Schema, transform: Transform, examples: tf.Tensor) -> dict[str, tf.Tensor]:
    """The model's inputs from serialized requests."""
    parsed = tf.io.parse_example(examples, parsing.raw_spec(schema))
    raw = {name: value.to_sparse() if isinstance(value, tf.RaggedTensor) else value for name, value in parsed.items()}
    transformed = {name: tf.RaggedTensor.from_sparse(value) if isinstance(value, tf.SparseTensor) else value
                   for name, value in transform(raw).items()}
    return parsing.to_dense(schema, transformed)


def checked(schema: Schema, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Refuses requests without candidates and with too many; the error is INVALID_ARGUMENT on any server."""
    count, most = inputs[CANDIDATE_COUNT], schema.max_candidates
    checks = [
        tf.debugging.assert_positive(count, message="every request needs at least one candidate"),
        tf.debugging.assert_less_equal(count, tf.constant(most, count.dtype), message=
            f"a request may have at most {most} candidates; send more in several calls, scores do not change"),
    ]
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in inputs.items()}


def _check_lengths(raw: Mapping[str, tf.Tensor], length: str, columns: list[str]) -> None:
    """Lengths must be at least 0 and at most the width of every tensor that they describe."""
    tf.debugging.assert_non_negative(raw[length], message=f"{length} must not be negative")
    for name in columns:
        width = tf.shape(raw[name], raw[length].dtype)[1]
        tf.debugging.assert_less_equal(raw[length], width, message=f"{length} is above the width of {name}")


def _spec(column: Column, shape: list[int | None]) -> tf.TensorSpec:
    return tf.TensorSpec(shape, tf.string if column.feature.kind == "id" else tf.float32, column.name)


def _sparse(values: tf.Tensor, lengths: tf.Tensor) -> tf.SparseTensor:
    """The first `lengths[r]` values of each row; the shape keeps the padding, so answers keep the caller's width."""
    indices = tf.where(tf.sequence_mask(lengths, tf.shape(values)[1]))
    return tf.SparseTensor(indices, tf.gather_nd(values, indices), tf.shape(values, tf.int64))


def _densify(values: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    return {name: tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value
            for name, value in values.items()}


def _flat(values: tf.Tensor, column: Column) -> tf.Tensor:
    if column.feature.width == 1:
        return values
    shape = tf.shape(values)
    return tf.reshape(values, [shape[0], shape[1] * shape[2]])


def _last(values: tf.Tensor, lengths: tf.Tensor, most: int) -> tf.Tensor:
    """`[R, min(T, most)]` the last `most` real values of each row, from its start."""
    kept = tf.minimum(lengths, most)
    width = tf.minimum(tf.shape(values)[1], most)
    places = (lengths - kept)[:, tf.newaxis] + tf.range(tf.cast(width, tf.int64))
    return tf.gather(values, tf.minimum(places, tf.cast(tf.shape(values)[1], tf.int64) - 1), batch_dims=1)
