"""The inputs of a call as tensors, checked against a signature before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.server.faults import invalid
from zoo.keras import tf

# A TensorProto may give one value for a whole shape, so that 40 bytes can ask for terabytes.
_MOST_FILLED_ELEMENTS = 1 << 24
_NUMBERS = {kind.as_datatype_enum: np.dtype(kind.as_numpy_dtype) for kind in (tf.float32, tf.float64, tf.int32, tf.int64)}


def check_names(signature: Any, given: Mapping[str, Any]) -> None:
    """Checks that a call has just the inputs of its signature; inputs with a default may be left out.

    Raises:
        Fault: INVALID_ARGUMENT, naming what is missing and what is too much.
    """
    extra = sorted(set(given) - set(signature.inputs))
    missing = sorted(set(signature.inputs) - set(given) - set(getattr(signature, "defaults", ())))
    if extra or missing:
        raise invalid(f"input size does not match signature: {len(given)}!={len(signature.inputs)}. "
                      f"Sent extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}.")


def to_tensor(name: str, proto: Any, info: Any) -> tf.Tensor:
    """Parses one input.

    Args:
        name: the input's name, for messages.
        proto: the TensorProto that was sent.
        info: the signature's TensorInfo.

    Returns:
        The tensor.

    Raises:
        Fault: INVALID_ARGUMENT: another dtype or shape than the signature's, or bytes that don't fill the shape.
    """
    if proto.dtype != info.dtype:
        raise invalid(f"input {name!r}: expected {_dtype_name(info.dtype)} but got {_dtype_name(proto.dtype)}")
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise invalid(f"input {name!r}: tensor parsing error: the shape {sizes} has an unknown size")
    expected = info.tensor_shape
    if not expected.unknown_rank and (len(expected.dim) != len(sizes) or any(
            dim.size not in (-1, size) for dim, size in zip(expected.dim, sizes, strict=True))):
        raise invalid(f"input {name!r}: expected shape {_shape_name(tf.TensorShape(expected))} but got {sizes}")
    if math.prod(sizes) > _MOST_FILLED_ELEMENTS and not proto.tensor_content and _value_count(proto) < math.prod(sizes):
        raise invalid(f"input {name!r}: tensor parsing error: the shape {sizes} has {math.prod(sizes)} elements, "
                      f"but {_value_count(proto)} values were sent")
    whole = _whole(proto, sizes)
    if whole is not None:
        return whole
    try:
        # TensorFlow's own parser: what ModelServer uses, safe on any bytes, and it holds no interpreter lock.
        return tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(info.dtype))
    except tf.errors.InvalidArgumentError:
        raise invalid(f"input {name!r}: tensor parsing error: the values do not fill the shape {sizes} of "
                      f"{_dtype_name(info.dtype)}") from None


def _whole(proto: Any, sizes: list[int]) -> tf.Tensor | None:
    """A tensor whose values just fill its shape, by Python, which asking the parser would take longer. None for others."""
    if proto.dtype == tf.string.as_datatype_enum:
        values = list(proto.string_val)
        if len(values) != math.prod(sizes):
            return None
        # Not np.array: it would drop the zero bytes at the end of strings. Not tf.reshape: it is one more operation.
        array = np.empty(len(values), object)
        array[:] = values
        return tf.constant(array.reshape(sizes), tf.string)
    kind = _NUMBERS.get(proto.dtype)
    if kind is None or len(proto.tensor_content) != math.prod(sizes) * kind.itemsize:
        return None
    return tf.constant(np.frombuffer(proto.tensor_content, kind).reshape(sizes))


def _value_count(proto: Any) -> int:
    return max(len(value) for field, value in proto.ListFields() if field.name.endswith("_val")) \
        if any(field.name.endswith("_val") for field, _ in proto.ListFields()) else 0


def _shape_name(shape: tf.TensorShape) -> str:
    return "of any rank" if shape.rank is None else str([-1 if size is None else size for size in shape.as_list()])


def _dtype_name(number: int) -> str:
    try:
        return tf.as_dtype(number).name
    except (TypeError, KeyError):
        return f"dtype {number}"
