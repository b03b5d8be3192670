"""A request as a tf.Example, and back; apart from `zoo.data.request`, which a client imports without TensorFlow.

TensorFlow takes seconds and half a gigabyte to load: the functions load it, as some processes hand examples on only.
"""

from __future__ import annotations

from itertools import accumulate, chain, pairwise
from typing import Any

from zoo.data.request import Request, check_request
from zoo.schema import REQUEST_ID, REQUEST_TIME, Column, Schema


def to_example(schema: Schema, request: Request, labelled: bool = True) -> bytes:
    """Serializes a checked request as a tf.Example.

    Args:
        schema: declares the columns.
        request: the request; what is longer than the schema's maximum is cut (`Request.values`).
        labelled: whether labels (and truth, marks and weights) are written; serving requests have none.

    Returns:
        The serialized tf.Example.

    Raises:
        RequestError: the request does not fit the schema.
    """
    check_request(schema, request, labelled)
    from zoo.keras import tf

    example = tf.train.Example()
    feature = example.features.feature
    feature[REQUEST_ID].bytes_list.value.append(request.request_id.encode())
    feature[REQUEST_TIME].int64_list.value.append(int(request.time))
    for key in schema.keys:
        feature[key].bytes_list.value.append(str(request.features[key]).encode())
    for column in schema.columns():
        values = request.values(column)
        if column.feature.multiple:
            feature[column.count].int64_list.value.extend([len(several) for several in values])
        if column.feature.weighted:
            feature[column.weight].float_list.value.extend(chain.from_iterable(request.weights(column)))
        if column.feature.multiple or column.feature.width > 1:
            values = chain.from_iterable(values)
        if column.feature.kind == "number":
            feature[column.name].float_list.value.extend(values)
        else:
            feature[column.name].bytes_list.value.extend([value.encode() for value in values])
    if labelled:
        for label in schema.labels:
            feature[label.column].float_list.value.extend(request.labels[label.name])
            if label.truth:
                feature[label.truth_column].float_list.value.extend(request.truth[label.name])
        for mark in schema.marks:
            feature[mark.column].float_list.value.extend(request.marks[mark.name])
        if schema.sample_weight:
            feature["sample_weight"].float_list.value.extend(request.sample_weight)
    return example.SerializeToString()


def from_example(schema: Schema, serialized: bytes) -> Request:
    """Reads a tf.Example back; the inverse of `to_example`. Labels that the example lacks stay empty."""
    from zoo.keras import tf

    feature = tf.train.Example.FromString(serialized).features.feature

    def read(column: Column) -> dict[str, list[Any]]:
        """The values by the feature's name, and their weights."""
        name, width = column.feature.name, column.feature.width
        if column.feature.kind == "number":
            values = list(feature[column.name].float_list.value)
            return {name: values if width == 1 else [values[i:i + width] for i in range(0, len(values), width)]}
        texts = [value.decode() for value in feature[column.name].bytes_list.value]
        if not column.feature.multiple:
            return {name: texts}
        ends = list(accumulate(feature[column.count].int64_list.value, initial=0))
        found = {name: texts}
        if column.feature.weighted:
            found[column.feature.weight] = list(feature[column.weight].float_list.value)
        return {key: [flat[start:end] for start, end in pairwise(ends)] for key, flat in found.items()}

    def read_all(columns: list[Column]) -> dict[str, list[Any]]:
        return {name: values for column in columns for name, values in read(column).items()}

    features = {name: values[0] for name, values in read_all(schema.columns("request")).items()}
    features |= {key: feature[key].bytes_list.value[0].decode() for key in schema.keys}
    floats = {name: list(value.float_list.value) for name, value in feature.items() if value.HasField("float_list")}
    return Request(
        request_id=feature[REQUEST_ID].bytes_list.value[0].decode(),
        time=feature[REQUEST_TIME].int64_list.value[0],
        features=features,
        sequences={sequence.name: read_all(schema.sequence_columns(sequence)) for sequence in schema.sequences},
        candidates=read_all(schema.columns("candidate")),
        labels={label.name: floats[label.column] for label in schema.labels if label.column in floats},
        truth={label.name: floats[label.truth_column] for label in schema.labels if label.truth_column in floats},
        marks={mark.name: floats[mark.column] for mark in schema.marks if mark.column in floats},
        sample_weight=floats.get("sample_weight"),
    )
