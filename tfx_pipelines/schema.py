"""The zoo's Schema as the TFMD schema that ExampleValidator and TFX's readers want."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from zoo.schema import REQUEST_TIME, Column, Schema
from zoo.stages import StageTag


def tfmd_schema(schema: Schema) -> schema_pb2.Schema:
    """Declares every column of a request log: one value for each request column, lists for the others.

    Args:
        schema: of the request log.

    Returns:
        The TFMD schema; a label outside its range is an anomaly by it.
    """
    result = schema_pb2.Schema()
    for key in schema.string_keys:
        _scalar(result.feature.add(name=key, type=schema_pb2.BYTES))
    _scalar(result.feature.add(name=REQUEST_TIME, type=schema_pb2.INT))
    for column in schema.columns():
        kind = schema_pb2.FLOAT if column.feature.kind == "number" else schema_pb2.BYTES
        if not column.feature.multiple:
            _of_level(column, result.feature.add(name=column.name, type=kind))
            continue
        _of_level(column, result.feature.add(name=column.count, type=schema_pb2.INT)).int_domain.min = 0
        # Any number of values, none included.
        result.feature.add(name=column.name, type=kind).value_count.min = 0
        if column.feature.weighted:
            weight = result.feature.add(name=column.weight, type=schema_pb2.FLOAT)
            weight.value_count.min, weight.float_domain.min = 0, 0.0
    for label in schema.labels:
        feature = result.feature.add(name=label.column, type=schema_pb2.FLOAT)
        _list(feature)
        if label.kind == "binary":
            feature.float_domain.min, feature.float_domain.max = 0.0, 1.0
        if label.truth:
            truth = result.feature.add(name=label.truth_column, type=schema_pb2.FLOAT)
            _list(truth)
            truth.float_domain.min, truth.float_domain.max = 0.0, 1.0
    for mark in schema.marks:
        feature = result.feature.add(name=mark.column, type=schema_pb2.FLOAT)
        _list(feature)
        if mark.role != "other":
            feature.float_domain.min, feature.float_domain.max = 0.0, float(max(StageTag)) if mark.role == "stage" else 1.0
    if schema.sample_weight:
        weight = result.feature.add(name="sample_weight", type=schema_pb2.FLOAT)
        _list(weight)
        weight.float_domain.min = 0.0
    return result


def schema_text(schema: Schema) -> str:
    """The TFMD schema as text, as TFX keeps it in files."""
    return text_format.MessageToString(tfmd_schema(schema))


def schema_from_json(text: str) -> Schema:
    """A schema from the JSON that travels in a component's settings."""
    return Schema.model_validate_json(text)


def schema_to_json(schema: Schema) -> str:
    """The inverse of `schema_from_json`."""
    return schema.model_dump_json(exclude_defaults=True)


def _of_level(column: Column, feature: schema_pb2.Feature) -> schema_pb2.Feature:
    """One number or string of a request, of each event, or of each candidate."""
    if column.sequence is not None:
        feature.value_count.min = 0
        feature.value_count.max = column.sequence.max_length
    elif column.level == "request":
        _scalar(feature)
    else:
        _list(feature)
    return feature


def _scalar(feature: schema_pb2.Feature) -> None:
    feature.presence.min_fraction = 1.0
    feature.shape.SetInParent()


def _list(feature: schema_pb2.Feature) -> None:
    feature.presence.min_fraction = 1.0
    feature.value_count.min = 1
