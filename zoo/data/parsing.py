"""tf.Examples to tensors, raw as they come from a log and transformed as they come from the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.data.checks import check
from zoo.keras import tf
from zoo.lengths import last
from zoo.schema import CANDIDATE_COUNT, Column, Schema

Tensors = dict[str, tf.Tensor]


def raw_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of the columns of a raw, unlabelled example: strings for ids and text, floats for numbers."""
    return _spec(schema, {"id": tf.string, "text": tf.string, "number": tf.float32})


def label_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of labels, of marks, and of the sample weight where there is one; the same raw and transformed."""
    names = [of.column for of in (*schema.labels, *schema.marks)] + (["sample_weight"] if schema.sample_weight else [])
    return {name: tf.io.RaggedFeature(tf.float32) for name in names}


def truth_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of the true probabilities that a simulator keeps."""
    return {label.truth_column: tf.io.RaggedFeature(tf.float32) for label in schema.labels if label.truth}


def key_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of the request's id, its keys and the raw group key, in transformed examples."""
    names = dict.fromkeys([*schema.string_keys, schema.group_column])
    return {name: tf.io.FixedLenFeature([], tf.string) for name in names}


def transformed_spec(schema: Schema) -> dict[str, Any]:
    """Parsing spec of transformed columns: ids and buckets int64, text as it was, numbers float."""
    spec = _spec(schema, {"id": tf.int64, "text": tf.string, "number": tf.float32})
    return spec | {c.bucket: _feature(c, tf.int64) for c in schema.columns() if c.feature.buckets}


def to_dense(schema: Schema, parsed: Mapping[str, Any]) -> Tensors:
    """The model's inputs from parsed columns: ragged ones padded to the longest of the batch, lengths beside them.

    Args:
        schema: declares the columns; `parsed` may hold only the request's or only the candidates' ones.
        parsed: by column name; sequences, candidates and several values ragged `[R, (L)]`.

    Returns:
        Request columns `[R]`, sequence columns `[R, T]` (the most recent `max_length` events) with `<sequence>_length`
        `[R]`, candidate columns `[R, N]` (`[R, N, width]`) with `candidate_count` `[R]`. Several values have one dimension
        more, V, and how many are real in `<column>_count`.

    Raises:
        tf.errors.InvalidArgumentError: the fields of a sequence, or the candidates' features, are not equally long; counts
            of several values do not sum up to their number.
    """
    dense: Tensors = {}
    for column in schema.columns("request"):
        if column.name in parsed:
            dense |= cut(column, {name: values for name, values, _ in _padded(column, parsed)}, None)
    for sequence in schema.sequences:
        dense |= _level(schema.sequence_columns(sequence), sequence.length, parsed)
    return dense | _level(schema.columns("candidate"), CANDIDATE_COUNT, parsed)


def cut(column: Column, dense: Mapping[str, tf.Tensor], lengths: tf.Tensor | None) -> Tensors:
    """A column's padded tensors without what is above the schema's maxima: the oldest events, all but the first values.

    Here, and nowhere else, tensors are cut.

    Args:
        column: whose tensors they are.
        dense: by name: `[R, ...]`, `[R, T, ...]` or `[R, N, ...]`.
        lengths: `[R]` events or candidates of each request, None for a request's own column.
    """
    if column.sequence:
        dense = {name: last(values, lengths, column.sequence.max_length) for name, values in dense.items()}
    if not column.feature.multiple:
        return dict(dense)
    most = column.feature.max_values
    return {name: tf.minimum(values, most) if name == column.count else values[..., :most] for name, values in dense.items()}


def smallest_inputs(schema: Schema) -> Tensors:
    """The model's inputs for one request of one event and one candidate, all zero: enough to build a model by calling it."""
    sizes = {c.name: 0 if c.feature.multiple else c.feature.width for c in schema.columns()}
    sizes |= {c.weight: 0 for c in schema.columns()}
    inputs: dict[str, Any] = {}
    for name, feature in transformed_spec(schema).items():
        values = tf.constant([""]) if feature.dtype == tf.string else tf.zeros([sizes.get(name, 1)], feature.dtype)
        ragged = isinstance(feature, tf.io.RaggedFeature)
        inputs[name] = tf.RaggedTensor.from_row_lengths(values, tf.shape(values)) if ragged else values
    return to_dense(schema, inputs)


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


def marks(schema: Schema, parsed: Mapping[str, tf.RaggedTensor]) -> Tensors:
    """Marks by name, `[R, N]` each; NaN on padding."""
    return {mark.name: parsed[mark.column].to_tensor(float("nan")) for mark in schema.marks}


def _level(columns: list[Column], length: str, parsed: Mapping[str, Any]) -> Tensors:
    """The columns of a sequence, or of the candidates, and how many of them a request has."""
    dense: Tensors = {}
    first = lengths = None
    for column in columns:
        if column.name not in parsed:
            continue
        tensors = {}
        for name, values, row_lengths in _padded(column, parsed):
            if lengths is None:
                first, lengths = name, row_lengths
            message = f"columns {first!r} and {name!r} must be equally long in every request"
            with tf.control_dependencies([check(row_lengths == lengths, message, row_lengths, lengths)]):
                tensors[name] = tf.identity(values)
        dense |= cut(column, tensors, lengths)
    if lengths is None:
        return {}
    sequence = columns[0].sequence
    return dense | {length: tf.minimum(lengths, sequence.max_length) if sequence else lengths}


def _padded(column: Column, parsed: Mapping[str, Any]) -> Iterator[tuple[str, tf.Tensor, tf.Tensor | None]]:
    """Each of a column's inputs with its padded tensor, and how many events or candidates each request has."""
    of_request, width = column.level == "request", column.feature.width
    if column.feature.multiple:
        counts = parsed[column.count]
        lengths = None if of_request else tf.cast(counts.row_lengths(), tf.int64)
        yield column.count, counts if of_request else counts.to_tensor(), lengths
        for name in [column.name] + [column.weight] * column.feature.weighted:
            yield name, _by_count(column, name, parsed[name], counts).to_tensor(), lengths
        return
    for name in column.input_names:
        if name not in parsed:
            continue
        if of_request:
            yield name, parsed[name], None
            continue
        values = parsed[name].to_tensor()
        if width > 1:
            values = tf.reshape(values, [tf.shape(values)[0], -1, width])
        yield name, values, tf.cast(parsed[name].row_lengths() // width, tf.int64)


def _by_count(column: Column, name: str, flat: tf.RaggedTensor, counts: Any) -> tf.RaggedTensor:
    """`[R, (V)]` values of each request, or `[R, (L), (V)]` of each event or candidate, from `[R, (all)]`."""
    of_request = column.level == "request"
    totals = counts if of_request else tf.reduce_sum(counts, 1)
    message = f"the numbers in {column.count!r} must sum up to the number of values in {name!r}"
    given = tf.cast(flat.row_lengths(), tf.int64)
    whole = check(given == totals, message, given, totals)
    if of_request:
        with tf.control_dependencies([whole]):
            return flat.with_values(tf.identity(flat.values))
    with tf.control_dependencies([whole]):
        several = tf.RaggedTensor.from_row_lengths(flat.values, counts.values)
    return tf.RaggedTensor.from_row_lengths(several, tf.cast(counts.row_lengths(), tf.int64))


def _spec(schema: Schema, dtypes: Mapping[str, tf.DType]) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    for column in schema.columns():
        dtype = dtypes[column.feature.kind]
        if column.feature.multiple:
            spec[column.name], spec[column.count] = tf.io.RaggedFeature(dtype), _feature(column, tf.int64)
        else:
            spec[column.name] = _feature(column, dtype)
        if column.feature.weighted:
            spec[column.weight] = tf.io.RaggedFeature(tf.float32)
    return spec


def _feature(column: Column, dtype: tf.DType) -> Any:
    return tf.io.FixedLenFeature([], dtype) if column.level == "request" else tf.io.RaggedFeature(dtype)
