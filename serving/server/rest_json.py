"""TF Serving's JSON of a predict request, to tensors."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Any, TypeGuard

import grpc
import numpy as np

from serving.server.faults import Fault, invalid
from serving.server.protocol import tensor_pb2
from serving.tensors import Array, write_tensor
from zoo.keras import tf

# What ModelServer reads from JSON; it has no other type in this form.
_READABLE = {tf.float32, tf.float64, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64, tf.bool, tf.string}
_STRING_OR_INF = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|\bInf\b')


class JsonObject(dict[str, Any]):
    """A JSON object; of a key that stands twice, the first value counts.

    Args:
        pairs: its keys and values in order.
    """

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(reversed(pairs))
        self.repeats = len(self) < len(pairs)


def read_body(body: bytes) -> dict[str, Any]:
    """Parses a predict request; keys that say nothing to a model server are ignored.

    Raises:
        Fault: INVALID_ARGUMENT: not JSON, not an object, or not just one of `instances` and `inputs`.
    """
    try:
        request = _parsed(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not _is_object(request):
        raise invalid("JSON Value: expected an object with `instances` (row format) or `inputs` (columnar format)")
    if not isinstance(request.get("signature_name", ""), str):
        raise invalid("'signature_name' key must be a string value")
    if ("instances" in request) == ("inputs" in request):
        raise invalid("JSON Value must have either `instances` (row format) or `inputs` (columnar format), not both")
    return request


def input_protos(request: Mapping[str, Any], signature: Any) -> dict[str, Any]:
    """The inputs of a predict request as TensorProtos.

    Args:
        request: what `read_body` gave.
        signature: the SignatureDef.

    Raises:
        Fault: INVALID_ARGUMENT: an input that is missing, in rows one that is unknown, a value of another type, or lists that
            are not rectangular; UNIMPLEMENTED: a column of a type that has no JSON form.
    """
    if not signature.inputs:
        raise invalid("Failed to get input map for signature: it has no inputs, and a call over REST needs one")
    by_row = "instances" in request
    columns = _columns_of_rows(request["instances"]) if by_row else request["inputs"]
    if not _is_object(columns) or _is_base64(columns):
        if len(signature.inputs) != 1:
            raise invalid(f"the signature has {len(signature.inputs)} inputs: give an object with "
                          f"{', '.join(sorted(signature.inputs))}")
        columns = {next(iter(signature.inputs)): columns}
    unknown = sorted(set(columns) - set(signature.inputs))
    if by_row and unknown:
        raise invalid(f"JSON object does not have named input: {', '.join(unknown)}; the signature has: "
                      f"{', '.join(sorted(signature.inputs))}")
    protos: dict[str, Any] = {}
    for name, info in signature.inputs.items():
        if name in columns:
            protos[name] = _proto(name, columns[name], tf.as_dtype(info.dtype), by_row)
        elif name not in getattr(signature, "defaults", ()):
            raise invalid(f"Missing named input: {name} in {'`instances`' if by_row else '`inputs`'}; got: "
                          f"{', '.join(sorted(columns)) or 'none'}")
    return protos


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=JsonObject, parse_float=_decimal)
    except json.JSONDecodeError:
        # ModelServer's parser takes `Inf` beside `Infinity`.
        renamed = _STRING_OR_INF.sub(lambda found: "Infinity" if found[0] == "Inf" else found[0], text)
        if renamed == text:
            raise
        return json.loads(renamed, object_pairs_hook=JsonObject, parse_float=_decimal)


def _decimal(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number too big to be stored in a double: {text[:40]}")
    return value


def _columns_of_rows(rows: Any) -> Any:
    if not _is_list(rows) or not rows:
        raise invalid("Request contains no instances: `instances` must be a list with at least one row")
    named = [_is_object(row) and not _is_base64(row) for row in rows]
    if not any(named):
        return rows
    if not all(named):
        raise invalid("`instances` mixes rows with and without input names")
    names = list(rows[0])
    for number, row in enumerate(rows):
        if set(row) != set(names) or row.repeats:
            twice = ", one of them twice" if row.repeats else ""
            raise invalid(f"row {number} of `instances` has the inputs {sorted(row)}{twice}, row 0 has {sorted(names)}")
    return {name: [row[name] for row in rows] for name in names}


def _proto(name: str, value: Any, dtype: tf.DType, by_row: bool) -> Any:
    shape: list[int] = []
    level: list[Any] = [value]
    while level and _is_list(level[0]):
        size = len(level[0])
        if any(not _is_list(item) or len(item) != size for item in level):
            raise invalid(f"input {name!r}: encountered list at unexpected size; lists of a tensor must be "
                          f"rectangular (level {len(shape) + 1})")
        shape.append(size)
        level = [inner for item in level for inner in item]
    if dtype not in _READABLE:
        message = f"input {name!r}: Conversion of JSON Value to type: {dtype.name} is not offered; call it over gRPC"
        raise invalid(message) if by_row or (level and _is_object(level[0])) else Fault(
            grpc.StatusCode.UNIMPLEMENTED, message)
    proto = tensor_pb2.TensorProto()
    write_tensor(_strings(name, level) if dtype == tf.string else _numbers(name, level, dtype), proto)
    # Not by an array's shape: numpy's arrays have fewer dimensions than JSON can nest.
    del proto.tensor_shape.dim[:]
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def _strings(name: str, level: list[Any]) -> Array:
    array = np.empty(len(level), object)
    array[:] = [_bytes(name, leaf) for leaf in level]
    return array


def _numbers(name: str, level: list[Any], dtype: tf.DType) -> Array:
    for leaf in level:
        _check_number(name, leaf, dtype)
    if dtype.is_integer and level:
        for extreme in (min(level), max(level)):
            if not dtype.min <= extreme <= dtype.max:
                raise invalid(f"input {name!r}: JSON Value: {str(extreme)[:40]} is out of the range of {dtype.name}")
    try:
        with np.errstate(over="ignore"):
            return np.array(level, dtype.as_numpy_dtype)
    except OverflowError:
        raise invalid(f"input {name!r}: a number is out of the range of {dtype.name}") from None


def _check_number(name: str, leaf: Any, dtype: tf.DType) -> None:
    right = isinstance(leaf, bool) if dtype == tf.bool else isinstance(leaf, int) and not isinstance(leaf, bool)
    if dtype.is_floating:
        right = right or isinstance(leaf, float)
    if not right:
        raise invalid(f"input {name!r}: JSON Value: {json.dumps(leaf)[:100]} is not of the type {dtype.name}")


def _bytes(name: str, leaf: Any) -> bytes:
    if isinstance(leaf, str):
        return leaf.encode("utf-8", "surrogatepass")
    if _is_base64(leaf):
        try:
            return _decoded(leaf["b64"])
        except ValueError as error:  # binascii's, and Python's own for what is no ASCII
            raise invalid(f"input {name!r}: not base64: {error}") from None
    raise invalid(f"input {name!r}: JSON Value: {json.dumps(leaf)[:100]} is not of the type string")


def _decoded(text: str) -> bytes:
    """Base64 as ModelServer reads it: white space counts for nothing, and padding is there in full or not at all."""
    text = "".join(text.split())
    bare = text.rstrip("=")
    padding, missing = len(text) - len(bare), -len(bare) % 4
    if padding not in (0, missing):
        raise ValueError(f"{padding} characters of padding, expected {missing}")
    return base64.b64decode(bare + "=" * missing, validate=True)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_base64(value: Any) -> bool:
    return isinstance(value, JsonObject) and set(value) == {"b64"} and isinstance(value["b64"], str) and not value.repeats
