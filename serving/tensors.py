"""Arrays as TensorProtos and back, with numpy alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import ServingError

Array = npt.NDArray[Any]
_STRING = 7
# By number of TensorFlow's DataType: the numpy type, and the field that holds values one by one.
_TYPES = {
    1: (np.dtype("<f4"), "float_val"), 2: (np.dtype("<f8"), "double_val"), 3: (np.dtype("<i4"), "int_val"),
    4: (np.dtype("u1"), "int_val"), 5: (np.dtype("<i2"), "int_val"), 6: (np.dtype("i1"), "int_val"),
    9: (np.dtype("<i8"), "int64_val"), 10: (np.dtype("?"), "bool_val"), 17: (np.dtype("<u2"), "int_val"),
    19: (np.dtype("<f2"), "half_val"), 22: (np.dtype("<u4"), "uint32_val"), 23: (np.dtype("<u8"), "uint64_val"),
}
FIELDS = {_STRING: "string_val", **{number: field for number, (_, field) in _TYPES.items()}}
_NUMBERS = {dtype: number for number, (dtype, _) in _TYPES.items()}


def write_tensor(array: Array, proto: Any) -> None:
    """Writes an array into an empty TensorProto.

    Args:
        array: numbers, truth values, or bytes objects (dtype object).
        proto: the message.

    Raises:
        ServingError: an array of another type.
    """
    if array.dtype == object:
        proto.dtype = _STRING
        try:
            proto.string_val.extend(array.ravel().tolist())
        except TypeError:
            raise ServingError("an array of objects must hold bytes objects alone; encode the strings in it") from None
    else:
        stored = array.dtype.newbyteorder("<")
        if stored not in _NUMBERS:
            raise ServingError(f"no tensor can be made of an array of {array.dtype}; "
                               "expected numbers, truth values, or bytes objects in an array of objects")
        proto.dtype = _NUMBERS[stored]
        proto.tensor_content = array.astype(stored, copy=False).tobytes()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)


def read_tensor(proto: Any) -> Array:
    """The array of a TensorProto; strings become bytes objects (dtype object).

    Args:
        proto: the message. Its values stand in one piece, or one by one: where these are fewer than the elements, the last
            fills the rest, and none at all means zeros (or empty strings).

    Raises:
        ServingError: a tensor of another type, or values that do not fit its shape.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    values = _values(proto)
    missing = math.prod(shape) - len(values)
    if missing < 0 or (missing and proto.tensor_content):
        raise ServingError(f"a tensor of the server has the shape {shape}, and {len(values)} values that do not fit it")
    if missing:
        empty = b"" if proto.dtype == _STRING else 0
        values = np.concatenate([values, np.full(missing, values[-1] if len(values) else empty, values.dtype)])
    return values.reshape(shape)


def _values(proto: Any) -> Array:
    if proto.dtype == _STRING:
        return _of_objects(proto.string_val)
    if proto.dtype not in _TYPES:
        raise ServingError(f"a tensor of the server has TensorFlow's DataType {proto.dtype}, which this client can't read")
    dtype, field = _TYPES[proto.dtype]
    if proto.tensor_content:
        whole = len(proto.tensor_content) // dtype.itemsize
        return np.frombuffer(proto.tensor_content, dtype, whole).copy()
    if field == "half_val":
        # The bits of each number, as an integer.
        return np.array(proto.half_val, np.uint16).view(dtype)
    # A slice is a list, which numpy reads faster than a message's field.
    return np.array(getattr(proto, field)[:], dtype)


def _of_objects(values: Any) -> Array:
    # np.array would drop the zero bytes at the end of strings.
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array
