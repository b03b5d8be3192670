"""Outputs as TF Serving's JSON: every number in as few digits as give it back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.server.faults import invalid
from serving.tensors import Array
from zoo.keras import tf

# Digits that tell any two numbers of the type apart.
_DIGITS = {np.dtype(np.float32): 9, np.dtype(np.float64): 17}
_WHOLE = {np.dtype(name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")}


def answer(outputs: Mapping[str, Any], by_row: bool) -> str:
    """The JSON text: `predictions` by row, or `outputs` by name; a lone output stands without its name.

    Args:
        outputs: arrays by name.
        by_row: whether the request came by rows.

    Raises:
        Fault: INVALID_ARGUMENT: a type that has no JSON form; by row, outputs without a common number of rows.
    """
    arrays = {name: np.asarray(value, object if isinstance(value, bytes) else None) for name, value in outputs.items()}
    if not by_row:
        values = {name: _lists(_texts(name, array), array.shape, 0)[0] for name, array in arrays.items()}
        return f'{{"outputs": {_object(values) if len(values) > 1 else next(iter(values.values()))}}}'
    if len({array.shape[0] if array.ndim else None for array in arrays.values()}) != 1 or \
            not all(array.ndim for array in arrays.values()):
        raise invalid("the outputs have no common number of rows; use the columnar format (`inputs`)")
    columns = {name: _lists(_texts(name, array), array.shape, 1) for name, array in arrays.items()}
    if len(columns) == 1:
        rows = next(iter(columns.values()))
    else:
        rows = [_object(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    return f'{{"predictions": [{", ".join(rows)}]}}'


def _object(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in values.items()) + "}"


def _lists(texts: list[str], shape: Sequence[int], kept: int) -> list[str]:
    """Joins the texts of elements to those of lists, all but the first `kept` dimensions."""
    for axis in range(len(shape) - 1, kept - 1, -1):
        size = shape[axis]
        texts = [f"[{', '.join(texts[at * size:(at + 1) * size])}]" for at in range(math.prod(shape[:axis]))]
    return texts


def _texts(name: str, array: Array) -> list[str]:
    if array.dtype in _DIGITS:
        return _decimals(array.ravel())
    if array.dtype in _WHOLE:
        return [str(value) for value in array.ravel().tolist()]
    if array.dtype == bool:
        return ["true" if value else "false" for value in array.ravel().tolist()]
    if array.dtype == object:
        # As ModelServer: names that end in _bytes say that the strings are not text.
        encode = _base64_object if name.endswith("_bytes") else _text
        return [encode(value) for value in array.ravel()]
    raise invalid(f"Failed to write JSON value for tensor type: {tf.as_dtype(array.dtype).name}, output {name!r}; "
                  "call it over gRPC")


def _decimals(values: Array) -> list[str]:
    digits, numbers = _DIGITS[values.dtype], values.tolist()
    short = [f"{number:g}" for number in numbers]
    with np.errstate(over="ignore"):  # the largest number, rounded up
        exact = (np.array([float(text) for text in short], values.dtype) == values).tolist()
    return [_decimal(text if same else f"{number:.{digits}g}")
            for text, same, number in zip(short, exact, numbers, strict=True)]


def _decimal(text: str) -> str:
    if text.endswith(("inf", "nan")):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(text, "NaN")
    return text if "." in text or "e" in text else text + ".0"


def _text(value: bytes) -> str:
    return json.dumps(value.decode("utf-8", "replace"))


def _base64_object(value: bytes) -> str:
    return json.dumps({"b64": base64.b64encode(value).decode()})
