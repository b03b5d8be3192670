"""tf.Examples of many requests, put together column by column.

What `tfx_bsl.coders.example_coder.RecordBatchToExamplesEncoder` makes value by value is made here of whole columns: a feature
of an example is a head, which depends on the length of what follows alone, and the values' bytes, which lie one after the other
in the column already.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Arrow's texts end at 2 GiB.
_MOST_BYTES = 256 << 20
_BYTES, _FLOATS, _WHOLE = 1, 2, 3


def examples(batch: pa.RecordBatch) -> pa.Array:
    """The serialized tf.Example of each row of a batch.

    Args:
        batch: list columns of binary, float32 or int64 values, none missing.

    Returns:
        `[R]` binary.

    Raises:
        TypeError: a column is something else.
    """
    if not len(batch):
        return pa.array([], pa.binary())
    if batch.nbytes > _MOST_BYTES and len(batch) > 1:
        half = len(batch) // 2
        return pa.concat_arrays([examples(batch.slice(0, half)), examples(batch.slice(half))])
    pieces = [piece for name, column in zip(batch.schema.names, batch.columns, strict=True) for piece in _feature(name, column)]
    length = np.sum([_lengths(piece) for piece in pieces], 0)
    return pc.binary_join_element_wise(_heads(length, _head), *pieces, pa.scalar(b""))


def _feature(name: str, column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The head of a feature of each row, and its values."""
    kind, packed, values = _values(name, column)
    key = name.encode()

    def head(length: int) -> bytes:
        values = b"\n" + _varint(length) if packed and length else b""
        of_list = bytes([kind << 3 | 2]) + _varint(len(values) + length) + values
        entry = b"\n" + _varint(len(key)) + key + b"\x12" + _varint(len(of_list) + length) + of_list
        return b"\n" + _varint(len(entry) + length) + entry

    return _heads(_lengths(values), head), values


def _values(name: str, column: pa.Array) -> tuple[int, bool, pa.Array]:
    """The list's number in `tf.train.Feature`, whether its values are packed, and their bytes for each row."""
    if not pa.types.is_list(column.type):
        raise TypeError(f"column {name!r} is no column of lists: {column.type}")
    # The places of a slice are those of the whole.
    offsets, values = column.offsets.to_numpy(), column.values
    if pa.types.is_binary(column.type.value_type):
        first, count = int(offsets[0]), int(offsets[-1] - offsets[0])
        values = values.slice(first, count)
        joined = pc.binary_join_element_wise(_heads(_lengths(values), _head), values, pa.scalar(b"")) if count else values
        return _BYTES, False, _cut(joined.buffers()[2], _offsets(joined)[offsets - first])
    if pa.types.is_float32(column.type.value_type):
        return _FLOATS, True, _cut(values.buffers()[1], (offsets + values.offset) * 4)
    if pa.types.is_int64(column.type.value_type):
        lengths, data = _varints(values.to_numpy()[offsets[0]:offsets[-1]])
        return _WHOLE, True, _cut(pa.py_buffer(data), np.concatenate([[0], np.cumsum(lengths)])[offsets - offsets[0]])
    raise TypeError(f"column {name!r} holds {column.type.value_type}; expected binary, float32 or int64")


def _head(length: int) -> bytes:
    """What stands before a value, or a message, that is field 1."""
    return b"\n" + _varint(length)


def _heads(lengths: np.ndarray, head: Callable[[int], bytes]) -> pa.Array:
    """What stands before bytes of some lengths; there are few different ones."""
    there = np.flatnonzero(np.bincount(lengths))
    which = np.zeros(int(there.max(initial=0)) + 1, np.int32)
    which[there] = np.arange(len(there))
    return pa.array(list(map(head, there.tolist())), pa.binary()).take(pa.array(which[lengths]))


def _offsets(texts: pa.Array) -> np.ndarray:
    places = np.frombuffer(texts.buffers()[1], np.int32) if texts.buffers()[1] else np.zeros(1, np.int32)
    return places[texts.offset:texts.offset + len(texts) + 1]


def _lengths(texts: pa.Array) -> np.ndarray:
    return np.diff(_offsets(texts))


def _cut(data: pa.Buffer | None, offsets: np.ndarray) -> pa.Array:
    """Bytes that lie one after the other, as values."""
    places = pa.py_buffer(np.ascontiguousarray(offsets, np.int32))
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, places, data or pa.py_buffer(b"")])


def _varint(value: int) -> bytes:
    """A length as protobuf writes it."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _varints(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers as protobuf writes them: how many bytes each has, and all bytes."""
    rest = values.astype(np.int64).view(np.uint64)
    lengths = np.ones(len(rest), np.int64)
    for bits in range(7, 64, 7):
        lengths += rest >> np.uint64(bits) > 0
    ends = np.cumsum(lengths)
    data = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    for place in range(int(lengths.max(initial=0))):
        there = np.flatnonzero(lengths > place)
        part = (rest[there] >> np.uint64(7 * place)) & np.uint64(127)
        more = (lengths[there] > place + 1).astype(np.uint64) << np.uint64(7)
        data[ends[there] - lengths[there] + place] = part | more
    return lengths, data
