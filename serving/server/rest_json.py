"""TF Serving's JSON: predict requests to tensors, outputs back to JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from serving.server.faults import invalid
from serving.tensors import Array
from zoo.keras import tf

_KEYS = {"signature_name", "instances", "inputs"}


def read_body(body: bytes) -> dict[str, Any]:
    """Parses a predict request.

    Raises:
        Fault: INVALID_ARGUMENT: not JSON, not an object, or not just one of `instances` and `inputs`.
    """
    try:
        request: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not _is_object(request):
        raise invalid("JSON Value: expected an object with `instances` (row format) or `inputs` (columnar format)")
    unknown = sorted(set(request) - _KEYS)
    if unknown:
        raise invalid(f"JSON object has unknown keys: {', '.join(unknown)}; expected {', '.join(sorted(_KEYS))}")
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
        Fault: INVALID_ARGUMENT: an unknown input, a value of another type, or lists that are not rectangular.
    """
    columns = _columns_of_rows(request["instances"]) if "instances" in request else request["inputs"]
    if not _is_object(columns) or _is_base64(columns):
        if len(signature.inputs) != 1:
            raise invalid(f"the signature has {len(signature.inputs)} inputs: give an object with "
                          f"{', '.join(sorted(signature.inputs))}")
        columns = {next(iter(signature.inputs)): columns}
    protos: dict[str, Any] = {}
    for name, value in columns.items():
        if name not in signature.inputs:
            raise invalid(f"JSON object does not have named input: {name}; the signature has: "
                          f"{', '.join(sorted(signature.inputs))}")
        protos[name] = tf.make_tensor_proto(_array(name, value, tf.as_dtype(signature.inputs[name].dtype)))
    return protos


def answer(outputs: Mapping[str, Array], by_row: bool) -> dict[str, Any]:
    """Outputs as JSON values: `predictions` by row, or `outputs` by name; a lone output stands without its name.

    Raises:
        Fault: INVALID_ARGUMENT: by row, but the outputs have no common number of rows.
    """
    values = {name: _plain(name, array) for name, array in outputs.items()}
    if not by_row:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    rows = {array.shape[0] if array.ndim else None for array in outputs.values()}
    if len(rows) != 1 or None in rows:
        raise invalid("the outputs have no common number of rows; use the columnar format (`inputs`)")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


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
        if set(row) != set(names):
            raise invalid(f"row {number} of `instances` has the inputs {sorted(row)}, row 0 has {sorted(names)}")
    return {name: [row[name] for row in rows] for name in names}


def _array(name: str, value: Any, dtype: tf.DType) -> Array:
    shape: list[int] = []
    level: list[Any] = [value]
    while level and _is_list(level[0]):
        size = len(level[0])
        if any(not _is_list(item) or len(item) != size for item in level):
            raise invalid(f"input {name!r}: encountered list at unexpected size; lists of a tensor must be "
                          f"rectangular (level {len(shape) + 1})")
        shape.append(size)
        level = [inner for item in level for inner in item]
    if dtype == tf.string:
        array = np.empty(len(level), object)
        array[:] = [_bytes(name, leaf) for leaf in level]
    else:
        for leaf in level:
            _check_number(name, leaf, dtype)
        try:
            with np.errstate(over="raise"):
                array = np.array(level, dtype.as_numpy_dtype)
        except (OverflowError, FloatingPointError):
            raise invalid(f"input {name!r}: a number is out of the range of {dtype.name}") from None
    return array.reshape(shape)


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
            return base64.b64decode(leaf["b64"], validate=True)
        except ValueError as error:  # binascii's, and Python's own for what is no ASCII
            raise invalid(f"input {name!r}: not base64: {error}") from None
    raise invalid(f"input {name!r}: JSON Value: {json.dumps(leaf)[:100]} is not of the type string")


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_base64(value: Any) -> bool:
    return _is_object(value) and set(value) == {"b64"} and isinstance(value["b64"], str)


def _plain(name: str, array: Array) -> Any:
    if array.dtype != object:
        return array.tolist()
    # As ModelServer: names that end in _bytes say that the strings are not text.
    encode = _base64_object if name.endswith("_bytes") else _text
    flat = np.empty(array.size, object)
    flat[:] = [encode(value) for value in array.ravel()]
    return flat.reshape(array.shape).tolist()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _base64_object(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
