"""How one tensor is said by another that came before it: nothing, some of its rows, or all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

NO_ROW = -1


def difference(before: Any, after: Any, moves: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How a tensor is said by one before it, and the arrays that it takes.

    Args:
        before: the tensor before; None where there was none of its name.
        after: the tensor now.
        moves: by vocabulary, for each row now, the row of the same id before; `NO_ROW` for a new id.
    """
    if before is not None and before.dtype == after.dtype and before.shape == after.shape and _same(before, after).all():
        return {"kind": "same"}, {}
    whole = {"kind": "whole", "dtype": after.dtype.str}, {"value": after if after.dtype != object else _packed(after)}
    if (before is None or not after.ndim or not before.ndim or before.shape[1:] != after.shape[1:] or after.dtype == object
            or before.dtype != after.dtype):
        return whole
    possible = {name: move for name, move in moves.items() if len(move) == len(after) and move.max(initial=0) < len(before)}
    if len(before) == len(after):
        possible[""] = np.arange(len(after))
    best: tuple[str, np.ndarray] | None = None
    # Which vocabulary a table is over does not matter: any order of rows is right, the best one is the smallest.
    for name, move in possible.items():
        there = move != NO_ROW
        same = np.zeros(len(after), bool)
        same[there] = _same(before[move[there]], after[there]).reshape(int(there.sum()), -1).all(1)
        at = np.flatnonzero(~same)
        if best is None or len(at) < len(best[1]):
            best = name, at
    if best is None or len(best[1]) == len(after):
        return whole
    return {"kind": "rows", "move": best[0]}, {"at": best[1], "value": after[best[1]]}


def applied(before: Any, kind: Mapping[str, Any], moves: Mapping[str, np.ndarray],
            stored: Mapping[str, np.ndarray]) -> np.ndarray:
    """The tensor after, from the one before and what `difference` said; `stored` has the arrays."""
    if kind["kind"] == "same":
        return before
    if kind["kind"] == "whole":
        value = stored[kind["value"]]
        return _unpacked(value) if kind["dtype"] == "|O" else value
    at, value = (stored[kind[part]] for part in ("at", "value"))
    move = moves[kind["move"]] if kind["move"] else np.arange(len(before))
    after = np.zeros((len(move), *before.shape[1:]), before.dtype)
    there = move != NO_ROW
    after[there] = before[move[there]]
    after[at] = value
    return after


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bit for bit, so that NaN is NaN and -0 is not 0."""
    if one.dtype.kind == "f":
        kind = f"u{one.dtype.itemsize}"
        return np.ascontiguousarray(one).view(kind) == np.ascontiguousarray(other).view(kind)
    return np.asarray(one == other)


def _packed(value: np.ndarray) -> np.ndarray:
    """A tensor of texts, which numpy keeps in a file without pickling as bytes alone."""
    shape = json.dumps([list(value.shape), [len(one) for one in value.ravel()]]).encode()
    return np.frombuffer(len(shape).to_bytes(8, "little") + shape + b"".join(value.ravel()), np.uint8)


def _unpacked(packed: np.ndarray) -> np.ndarray:
    text = packed.tobytes()
    size = int.from_bytes(text[:8], "little")
    shape, lengths = json.loads(text[8:8 + size])
    value, start = np.empty(len(lengths), object), 8 + size
    for place, length in enumerate(lengths):
        value[place] = text[start:start + length]
        start += length
    return value.reshape(shape)
