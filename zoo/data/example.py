"""A request as a tf.Example, and back; apart from `zoo.data.request`, which a client imports without TensorFlow."""

from __future__ import annotations

from typing import Any

from zoo.data.request import Request, _values, check_request
from zoo.keras import tf
from zoo.schema import REQUEST_ID, REQUEST_TIME, Column, Schema


def to_example(schema: Schema, request: Request, labelled: bool = True) -> bytes:
    """Serializes a checked request as a tf.Example.

    Args:
        schema: declares the columns.
        request: the request; a history longer than the schema's maximum keeps its most recent events.
        labelled: whether labels (and truth, and weights) are written; serving requests have none.

    Returns:
        The serialized tf.Example.

    Raises:
        RequestError: the request does not fit the schema.
    """
    check_request(schema, request, labelled)
    example = tf.train.Example()
    feature = example.features.feature
    feature[REQUEST_ID].bytes_list.value.append(request.request_id.encode())
    feature[REQUEST_TIME].int64_list.value.append(int(request.time))
    for key in schema.keys:
        feature[key].bytes_list.value.append(str(request.features[key]).encode())
    for column in schema.columns():
        values = _values(request, column)
        if column.level == "sequence":
            values = values[-column.sequence.max_length:]
        if column.feature.kind == "id":
            feature[column.name].bytes_list.value.extend([value.encode() for value in values])
        else:
            feature[column.name].float_list.value.extend(values)
    if labelled:
        for label in schema.labels:
            feature[label.column].float_list.value.extend(request.labels[label.name])
            if label.truth:
                feature[label.truth_column].float_list.value.extend(request.truth[label.name])
        if schema.sample_weight:
            feature["sample_weight"].float_list.value.extend(request.sample_weight)
    return example.SerializeToString()


def from_example(schema: Schema, serialized: bytes) -> Request:
    """Reads a tf.Example back; the inverse of `to_example`. Labels that the example lacks stay empty."""
    feature = tf.train.Example.FromString(serialized).features.feature

    def read(column: Column) -> list[Any]:
        if column.feature.kind == "id":
            return [value.decode() for value in feature[column.name].bytes_list.value]
        values = list(feature[column.name].float_list.value)
        width = column.feature.width
        return values if width == 1 else [values[i:i + width] for i in range(0, len(values), width)]

    features = {column.name: read(column)[0] for column in schema.columns("request")}
    features |= {key: feature[key].bytes_list.value[0].decode() for key in schema.keys}
    sequences = {
        sequence.name: {column.feature.name: read(column) for column in schema.sequence_columns(sequence)}
        for sequence in schema.sequences
    }
    floats = {name: list(value.float_list.value) for name, value in feature.items() if value.HasField("float_list")}
    return Request(
        request_id=feature[REQUEST_ID].bytes_list.value[0].decode(),
        time=feature[REQUEST_TIME].int64_list.value[0],
        features=features,
        sequences=sequences,
        candidates={column.feature.name: read(column) for column in schema.columns("candidate")},
        labels={label.name: floats[label.column] for label in schema.labels if label.column in floats},
        truth={label.name: floats[label.truth_column] for label in schema.labels if label.truth_column in floats},
        sample_weight=floats.get("sample_weight"),
    )
