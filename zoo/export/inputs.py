"""The raw tensors of a serving call, and what the model reads of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zoo.data import parsing
from zoo.data.checks import check
from zoo.keras import tf
from zoo.schema import CANDIDATE_COUNT, Column, Schema

Transform = Callable[[dict[str, Any]], Mapping[str, Any]]


class Part(NamedTuple):
    """A column of a call, cut to the schema's maxima.

    Args:
        column: which.
        values: `[R]` of the request; `[R, V]` several of it; `[R, T, ...]` or `[R, N, ...]`.
        real: which of the values are no padding; None where all are.
        beside: counts and weights of several values, by name; 0 on padding.
    """

    column: Column
    values: tf.Tensor
    real: tf.Tensor | None
    beside: dict[str, tf.Tensor]


def request_specs(schema: Schema) -> dict[str, tf.TensorSpec]:
    """Specs of the request's raw tensors: `[R]` columns, `[R, T]` sequences, `[R]` lengths."""
    specs = _specs(schema.columns("request") + schema.columns("sequence"))
    return specs | {s.length: tf.TensorSpec([None], tf.int64, s.length) for s in schema.sequences}


def candidate_specs(schema: Schema) -> dict[str, tf.TensorSpec]:
    """Specs of the candidates' raw tensors: `[R, N]` or `[R, N, width]`, and `candidate_count [R]`."""
    return _specs(schema.columns("candidate")) | {CANDIDATE_COUNT: tf.TensorSpec([None], tf.int64, CANDIDATE_COUNT)}


def request_inputs(schema: Schema, transform: Transform, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The model's request columns from raw tensors."""
    parts = [_part(column, raw, None) for column in schema.columns("request")]
    lengths = {}
    for sequence in schema.sequences:
        columns = schema.sequence_columns(sequence)
        known = _with_lengths(raw, sequence.length, columns)
        parts += [_part(column, known, known[sequence.length]) for column in columns]
        # A longer history than the model was trained with keeps its most recent events.
        lengths[sequence.length] = tf.minimum(known[sequence.length], sequence.max_length)
    return _transformed(transform, parts) | lengths


def candidate_inputs(schema: Schema, transform: Transform, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The model's candidate columns from raw tensors."""
    columns = schema.columns("candidate")
    known = _with_lengths(raw, CANDIDATE_COUNT, columns)
    count = known[CANDIDATE_COUNT]
    return _transformed(transform, [_part(column, known, count) for column in columns]) | {CANDIDATE_COUNT: count}


def example_inputs(schema: Schema, transform: Transform, examples: tf.Tensor) -> dict[str, tf.Tensor]:
    """The model's inputs from serialized requests."""
    parsed = tf.io.parse_example(examples, parsing.raw_spec(schema))
    raw = {column.name: parsed[column.name] for column in schema.columns()}
    raw = {name: value.to_sparse() if isinstance(value, tf.RaggedTensor) else value for name, value in raw.items()}
    transformed = {name: _ragged(value) if isinstance(value, tf.SparseTensor) else value
                   for name, value in transform(raw).items()}
    return parsing.to_dense(schema, parsed | transformed)


def checked(schema: Schema, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Refuses requests without candidates and with too many; the error is INVALID_ARGUMENT on any server."""
    count, most = inputs[CANDIDATE_COUNT], schema.max_candidates
    checks = [
        check(count > 0, "every request needs at least one candidate", count),
        check(count <= most, f"a request may have at most {most} candidates; send more in several calls, scores do not change",
              count),
    ]
    return _after(checks, inputs)


def checked_count(schema: Schema, raw: Mapping[str, tf.Tensor], name: str) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """The raw tensors of a call that only names its candidates, in the column `name`, and how many there are; checked."""
    found = checked(schema, _after(_length_checks(raw, CANDIDATE_COUNT, [name]), raw))
    return found, found[CANDIDATE_COUNT]


def _after(checks: list[tf.Operation | None], tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The tensors once the checks have passed: what reads them must not fail before, in other words."""
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in tensors.items()}


def _with_lengths(raw: Mapping[str, tf.Tensor], length: str, columns: list[Column]) -> dict[str, tf.Tensor]:
    """The columns and their lengths, which must be at least 0 and at most the width of every tensor that they describe."""
    names = [name for column in columns for name in column.raw_names]
    return _after(_length_checks(raw, length, names), {name: raw[name] for name in [*names, length]})


def _length_checks(raw: Mapping[str, tf.Tensor], length: str, names: list[str]) -> list[tf.Operation | None]:
    checks = [check(raw[length] >= 0, f"{length} must not be negative", raw[length])]
    for name in names:
        width = tf.shape(raw[name], raw[length].dtype)[1]
        checks.append(check(raw[length] <= width, f"{length} is above the width of {name}", raw[length], width))
    return checks


def _specs(columns: list[Column]) -> dict[str, tf.TensorSpec]:
    specs = {}
    for column in columns:
        feature, shape = column.feature, [None] if column.level == "request" else [None, None]
        dtype = tf.float32 if feature.kind == "number" else tf.string
        if feature.multiple:
            specs[column.count] = tf.TensorSpec(shape, tf.int64, column.count)
            shape = [*shape, None]
        elif feature.width > 1:
            shape = [*shape, feature.width]
        specs[column.name] = tf.TensorSpec(shape, dtype, column.name)
        if feature.weighted:
            specs[column.weight] = tf.TensorSpec(shape, tf.float32, column.weight)
    return specs


def _part(column: Column, raw: Mapping[str, tf.Tensor], lengths: tf.Tensor | None) -> Part:
    tensors = {name: raw[name] for name in column.raw_names}
    if column.feature.multiple:
        if lengths is not None:
            counts = tensors[column.count]
            tensors[column.count] = tf.where(tf.sequence_mask(lengths, tf.shape(counts)[1]), counts, 0)
        tensors = _after(_count_checks(column, tensors), tensors)
    tensors = parsing.cut(column, tensors, lengths)
    values = tensors.pop(column.name)
    if column.feature.multiple:
        real = tf.sequence_mask(tensors[column.count], tf.shape(values)[-1])
    elif lengths is None:
        real = None
    else:
        # In a row that was cut, everything is real.
        real = tf.sequence_mask(lengths, tf.shape(values)[1])
        if column.feature.width > 1:
            real = tf.repeat(tf.expand_dims(real, -1), column.feature.width, -1)
    if column.feature.weighted:
        tensors[column.weight] = tf.where(real, tensors[column.weight], 0.0)
    return Part(column, values, real, tensors)


def _count_checks(column: Column, tensors: Mapping[str, tf.Tensor]) -> list[tf.Operation | None]:
    """Each event, candidate or request has a count, at least 0 and at most the width of the values; weights are like them."""
    counts, shape = tensors[column.count], tf.shape(tensors[column.name], tf.int64)
    rows = tf.shape(counts, tf.int64)
    checks = [
        check(rows == shape[:-1], f"{column.count} must have the shape of {column.name} without its last dimension",
              rows, shape),
        check(counts >= 0, f"{column.count} must not be negative", counts),
        check(counts <= shape[-1], f"{column.count} is above the width of {column.name}", counts, shape),
    ]
    if column.feature.weighted:
        given = tf.shape(tensors[column.weight], tf.int64)
        checks.append(check(given == shape, f"{column.weight} must have the shape of {column.name}", given, shape))
    return checks


def _transformed(transform: Transform, parts: list[Part]) -> dict[str, tf.Tensor]:
    """The model's inputs of some columns; padding is 0, and answers keep the caller's width."""
    found = transform({part.column.name: _sparse(part) for part in parts})
    inputs = {}
    for part in parts:
        for name in [part.column.name] + [part.column.bucket] * bool(part.column.feature.buckets):
            value = found[name]
            if part.real is not None:
                value = tf.sparse.to_dense(value)
            if part.values.shape.rank > 2:
                value = tf.reshape(value, tf.shape(part.values))
            inputs[name] = value
        inputs |= part.beside
    return inputs


def _sparse(part: Part) -> tf.Tensor | tf.SparseTensor:
    """`[R, all]` the real values of each row, where they stand."""
    values, real = part.values, part.real
    if real is None:
        return values
    if values.shape.rank > 2:
        shape = tf.shape(values)
        values, real = (tf.reshape(one, [shape[0], shape[1] * shape[2]]) for one in (values, real))
    indices = tf.where(real)
    return tf.SparseTensor(indices, tf.gather_nd(values, indices), tf.shape(values, tf.int64))


def _ragged(value: tf.SparseTensor) -> tf.RaggedTensor:
    # Not `from_sparse`: it checks at every call that rows have no holes, and these were ragged a moment ago.
    return tf.RaggedTensor.from_value_rowids(value.values, value.indices[:, 0], value.dense_shape[0], validate=False)
