"""The real values of a model's inputs, without padding, so that two ways to them can be compared bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.keras import tf
from zoo.schema import CANDIDATE_COUNT, Column, Schema


def real_inputs(schema: Schema, inputs: Mapping[str, tf.Tensor]) -> list[dict[str, Any]]:
    """By request and name: the request's value, or nested lists of those of its events and candidates; numbers as bytes."""
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    lengths = [*(sequence.length for sequence in schema.sequences), CANDIDATE_COUNT]
    expected = {name for column in schema.columns() for name in column.input_names} | set(lengths)
    assert expected <= set(arrays), f"missing: {expected - set(arrays)}"
    return [{name: int(arrays[name][row]) for name in lengths}
            | {name: _real(column, name, {key: array[row] for key, array in arrays.items()})
               for column in schema.columns() for name in column.input_names}
            for row in range(len(arrays[CANDIDATE_COUNT]))]


def _real(column: Column, name: str, row: Mapping[str, np.ndarray]) -> Any:
    values = row[name]
    if column.level != "request":
        values = values[:row[column.sequence.length if column.sequence else CANDIDATE_COUNT]]
    if column.feature.multiple and name != column.count:
        counts = np.atleast_1d(row[column.count])
        values = values[np.newaxis] if column.level == "request" else values
        return [_bits(place[:count]) for place, count in zip(values, counts, strict=False)]
    return _bits(values)


def _bits(values: np.ndarray) -> tuple[str, Any]:
    return values.dtype.str, values.tolist() if values.dtype == object else values.tobytes()
