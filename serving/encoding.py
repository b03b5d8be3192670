"""Requests as the tensors of a serving call, and scores back; derived from the Schema only."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.errors import ServingError
from serving.tensors import Array
from zoo.data.request import Request
from zoo.schema import CANDIDATE_COUNT, Column, Schema

log = logging.getLogger(__name__)
_EMPTY = {"id": b"", "number": 0.0}
_DTYPE = {"id": object, "number": np.float32}


@dataclass(frozen=True)
class EncodedRequests:
    """R requests as the inputs of the signature `rank`.

    Args:
        inputs: arrays by wire name: `[R]`, `[R, T]` or `[R, N]`; strings are arrays of bytes objects.
        counts: candidates of each request, `[R]`; what stands behind them in a row is padding.
        truncated: by sequence, how many requests had more events than the schema's maximum; their oldest were dropped.
    """

    inputs: Mapping[str, Array]
    counts: Array
    truncated: Mapping[str, int]


def encode_requests(schema: Schema, requests: Sequence[Request]) -> EncodedRequests:
    """Encodes requests for the signature `rank`.

    Rows are padded to the longest of the call. Padding carries no meaning: the lengths travel as inputs of their own.

    Args:
        schema: declares the columns and the maximum length of each sequence.
        requests: R requests that fit the schema (`zoo.data.request.check_request`); at least one.

    Returns:
        The arrays, the candidate counts, and how many sequences were cut to their most recent events.

    Example:
        >>> encoded = encode_requests(schema, [request])
        >>> encoded.inputs["candidate_item"].shape
        (1, 600)
    """
    counts = np.array([request.candidate_count for request in requests], np.int64)
    inputs: dict[str, Array] = {CANDIDATE_COUNT: counts}
    truncated: dict[str, int] = {}
    for column in schema.columns("request"):
        inputs[column.name] = _filled(column, [request.features[column.feature.name] for request in requests])
    for sequence in schema.sequences:
        first = sequence.fields[0].name
        lengths = [len(request.sequences[sequence.name][first]) for request in requests]
        truncated[sequence.name] = sum(length > sequence.max_length for length in lengths)
        inputs[sequence.length] = np.minimum(lengths, sequence.max_length).astype(np.int64)
        for column in schema.sequence_columns(sequence):
            rows = [request.sequences[sequence.name][column.feature.name][-sequence.max_length:]
                    for request in requests]
            # At least one step: an empty history is a row of padding, which every op can reduce over.
            inputs[column.name] = _padded(column, rows, max(1, int(inputs[sequence.length].max())))
    for column in schema.columns("candidate"):
        rows = [request.candidates[column.feature.name] for request in requests]
        inputs[column.name] = _padded(column, rows, int(counts.max()))
    for name, number in truncated.items():
        if number:
            log.info("%d of %d requests have more %s events than the schema's maximum; the most recent ones are used",
                     number, len(requests), name)
    return EncodedRequests(inputs, counts, truncated)


def decode_scores(outputs: Mapping[str, Array], counts: Sequence[int] | Array) -> list[dict[str, Array]]:
    """Cuts scores `[R, N]` to each request's own candidates: a batching server gives the padded width back.

    Args:
        outputs: scores by task, `[R, N]` with N at least the largest count.
        counts: candidates of each request, `[R]`.

    Returns:
        For each request its scores by task.

    Raises:
        ServingError: an output has another shape than `[R, at least N]`.
    """
    for task, scores in outputs.items():
        if scores.ndim != 2 or scores.shape[0] != len(counts) or scores.shape[1] < max(counts):
            raise ServingError(f"output {task!r} of the server has shape {list(scores.shape)}; expected "
                               f"[{len(counts)}, at least {max(counts)}]; is this a ranking model of this zoo?")
    return [{task: scores[row, :count] for task, scores in outputs.items()} for row, count in enumerate(counts)]


def _filled(column: Column, values: Sequence[Any]) -> Array:
    array = np.empty(len(values), _DTYPE[column.feature.kind])
    array[:] = [value.encode() for value in values] if column.feature.kind == "id" else values
    return array


def _padded(column: Column, rows: Sequence[Sequence[Any]], length: int) -> Array:
    shape = (len(rows), length) if column.feature.width == 1 else (len(rows), length, column.feature.width)
    array = np.full(shape, _EMPTY[column.feature.kind], _DTYPE[column.feature.kind])
    for row, values in enumerate(rows):
        if len(values):
            array[row, :len(values)] = [v.encode() for v in values] if column.feature.kind == "id" else values
    return array
