"""The inputs of a call as tensors, checked against a signature before anything runs; its outputs as messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.server.faults import invalid
from serving.tensors import FIELDS
from zoo.keras import tf

# A TensorProto may give one value for a whole shape, so that 40 bytes can ask for terabytes.
_MOST_FILLED_ELEMENTS = 1 << 24
_MOST_DIMENSIONS = 32  # of numpy's arrays
_FIELDS = {**FIELDS, tf.bfloat16.as_datatype_enum: "half_val", tf.complex64.as_datatype_enum: "scomplex_val",
           tf.complex128.as_datatype_enum: "dcomplex_val"}
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
        Fault: INVALID_ARGUMENT: another dtype than the signature's, no shape, or bytes that don't fill the shape.
    """
    if proto.dtype != info.dtype:
        raise invalid(f"input {name!r}: expected {_dtype_name(info.dtype)} but got {_dtype_name(proto.dtype)}")
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise invalid(f"input {name!r}: tensor parsing error: the shape {sizes} has an unknown size")
    # As in TF Serving, the signature's shape is not looked at: what the graph takes is answered, what not, it refuses.
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
    if len(sizes) > _MOST_DIMENSIONS or 0 in sizes:
        return None
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


def write_output(value: Any, proto: Any) -> None:
    """Writes an output into an empty TensorProto, its values one by one (`float_val`, …), where clients of TF Serving look.

    Args:
        value: an array; of bytes objects for strings.
        proto: the message.
    """
    array = np.asarray(value, object if isinstance(value, bytes) else None)
    dtype = tf.as_dtype(array.dtype)
    field = _FIELDS.get(dtype.as_datatype_enum)
    if field is None:
        proto.CopyFrom(tf.make_tensor_proto(array))
        return
    proto.dtype = dtype.as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    flat = array.ravel()
    if field in ("float_val", "double_val"):
        # As they stand on the wire, in one piece, where handing over number by number takes longer than all else here.
        data = flat.astype(flat.dtype.newbyteorder("<"), copy=False).tobytes()
        if data:
            proto.MergeFromString(_length_delimited(proto.DESCRIPTOR.fields_by_name[field].number, len(data)) + data)
        return
    if field == "half_val":
        flat = flat.view(np.uint16)
    elif dtype.is_complex:
        flat = flat.view(dtype.real_dtype.as_numpy_dtype)
    getattr(proto, field).extend(flat.tolist())


def _length_delimited(field: int, length: int) -> bytes:
    """What stands on the wire before a packed field's values (protocol buffers' encoding: wire type 2, numbers in base 128)."""
    return b"".join(_varint(number) for number in (field << 3 | 2, length))


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(found + bytes([number]))


def _value_count(proto: Any) -> int:
    return max(len(value) for field, value in proto.ListFields() if field.name.endswith("_val")) \
        if any(field.name.endswith("_val") for field, _ in proto.ListFields()) else 0


def _dtype_name(number: int) -> str:
    try:
        return tf.as_dtype(number).name
    except (TypeError, KeyError):
        return f"dtype {number}"
