"""The inputs of a call as tensors, checked against a signature before anything runs; its outputs as messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from serving.protocol import messages
from serving.server.faults import invalid
from serving.server.protocol import tensor_pb2
from serving.tensors import FIELDS
from zoo.keras import tf

# A TensorProto may give one value for a whole shape, so that 40 bytes can ask for terabytes.
_MOST_FILLED_ELEMENTS = 1 << 24
_MOST_DIMENSIONS = 32  # of numpy's arrays
_FIELDS = {**FIELDS, tf.bfloat16.as_datatype_enum: "half_val", tf.complex64.as_datatype_enum: "scomplex_val",
           tf.complex128.as_datatype_enum: "dcomplex_val"}
_STRINGS = b"\x08\x07\x12"  # how a tensor of strings begins: its type, and a shape, whose length follows
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


def to_tensor(name: str, content: bytes, info: Any) -> tf.Tensor:
    """Parses one input.

    Args:
        name: the input's name, for messages.
        content: the TensorProto that was sent, as it was sent.
        info: the signature's TensorInfo.

    Returns:
        The tensor.

    Raises:
        Fault: INVALID_ARGUMENT: no TensorProto, another dtype than the signature's, no shape, or values that don't fill it.
    """
    try:
        head = messages.TensorHead.FromString(_beginning(content))
    except DecodeError:
        raise invalid(f"input {name!r}: tensor parsing error: the bytes are no TensorProto") from None
    if head.dtype != info.dtype:
        raise invalid(f"input {name!r}: expected {_dtype_name(info.dtype)} but got {_dtype_name(head.dtype)}")
    sizes = [dim.size for dim in head.tensor_shape.dim]
    if head.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise invalid(f"input {name!r}: tensor parsing error: the shape {sizes} has an unknown size")
    # As in TF Serving, the signature's shape is not looked at: what the graph takes is answered, what not, it refuses.
    elements = math.prod(sizes)
    if elements > _MOST_FILLED_ELEMENTS and not head.tensor_content and (sent := _value_count(content)) < elements:
        raise invalid(f"input {name!r}: tensor parsing error: the shape {sizes} has {elements} elements, but {sent} values "
                      "were sent")
    kind = _NUMBERS.get(head.dtype)
    if (kind is not None and len(sizes) <= _MOST_DIMENSIONS and head.tensor_content
            and len(head.tensor_content) == elements * kind.itemsize):
        return tf.constant(np.frombuffer(head.tensor_content, kind).reshape(sizes))
    try:
        # TensorFlow's own parser: what ModelServer uses, safe on any bytes, and it holds no interpreter lock.
        return tf.io.parse_tensor(content, tf.as_dtype(info.dtype))
    except tf.errors.InvalidArgumentError:
        raise invalid(f"input {name!r}: tensor parsing error: the values do not fill the shape {sizes} of "
                      f"{_dtype_name(info.dtype)}") from None


def _beginning(content: bytes) -> bytes:
    """What tells type and shape: of strings, where it is sure that no more of that follows, no more than these two.

    Reading all of it would keep an object of each string.
    """
    if not content.startswith(_STRINGS) or len(content) == len(_STRINGS):
        return content
    end = len(_STRINGS) + 1 + content[len(_STRINGS)]
    # A further shape, which would add its dimensions, begins with one of these bytes; so may strings, which then take longer.
    more = any(content.find(byte, end) >= 0 for byte in (b"\x12", b"\x92"))
    return content if more or content[len(_STRINGS)] > 0x7F else content[:end]


def serialized(protos: Mapping[str, Any]) -> dict[str, bytes]:
    """TensorProtos as `to_tensor` takes them."""
    return {name: proto.SerializeToString() for name, proto in protos.items()}


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


def _value_count(content: bytes) -> int:
    try:
        fields = tensor_pb2.TensorProto.FromString(content).ListFields()
    except DecodeError:
        return 0
    return max((len(value) for field, value in fields if field.name.endswith("_val")), default=0)


def _dtype_name(number: int) -> str:
    try:
        return tf.as_dtype(number).name
    except (TypeError, KeyError):
        return f"dtype {number}"
