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
_EMPTY = {"id": b"", "text": b"", "number": 0.0}
_DTYPE = {"id": object, "text": object, "number": np.float32}


@dataclass(frozen=True)
class EncodedRequests:
    """R requests as the inputs of the signature `rank`.

    Args:
        inputs: arrays by wire name: `[R]`, `[R, T]` or `[R, N]`, with one dimension more for several values; strings are
            arrays of bytes objects.
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
    for sequence in schema.sequences:
        first = sequence.fields[0].name
        lengths = np.array([len(request.sequences[sequence.name][first]) for request in requests], np.int64)
        truncated[sequence.name] = int((lengths > sequence.max_length).sum())
        inputs[sequence.length] = np.minimum(lengths, sequence.max_length)
    for column in schema.columns("request"):
        inputs |= {name: array[:, 0] for name, array in _arrays(column, requests, 1).items()}
    for sequence in schema.sequences:
        for column in schema.sequence_columns(sequence):
            # At least one step: an empty history is a row of padding, which every op can reduce over.
            inputs |= _arrays(column, requests, max(1, int(inputs[sequence.length].max())))
    for column in schema.columns("candidate"):
        inputs |= _arrays(column, requests, int(counts.max()))
    for name, number in truncated.items():
        if number:
            log.info("%d of %d requests have more %s events than the schema's maximum; the most recent ones are used",
                     number, len(requests), name)
    return EncodedRequests(inputs, counts, truncated)


def examples_tensor(examples: Sequence[bytes]) -> Array:
    """Serialized tf.Examples as the input of `serving_default`, `[R]`."""
    array = np.empty(len(examples), object)
    array[:] = examples
    return array


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


def _arrays(column: Column, requests: Sequence[Request], length: int) -> dict[str, Array]:
    """`[R, length]` of a column; of several values `[R, length, V]`, how many they are, and their weights."""
    feature = column.feature
    rows = [request.values(column) for request in requests]
    if not feature.multiple:
        array = _empty(feature.kind, (len(rows), length) if feature.width == 1 else (len(rows), length, feature.width))
        for row, values in enumerate(rows):
            if len(values):
                array[row, :len(values)] = values if feature.kind == "number" else list(map(str.encode, values))
        return {column.name: array}
    counts = np.zeros((len(rows), length), np.int64)
    for row, places in enumerate(rows):
        counts[row, :len(places)] = [len(several) for several in places]
    shape = (*counts.shape, max(1, int(counts.max())))
    arrays = {column.name: _several([[[value.encode() for value in several] for several in places] for places in rows],
                                    _empty(feature.kind, shape)), column.count: counts}
    if feature.weighted:
        arrays[column.weight] = _several([request.weights(column) for request in requests], _empty("number", shape))
    return arrays


def _several(rows: Sequence[Sequence[Sequence[Any]]], array: Array) -> Array:
    for row, places in enumerate(rows):
        for place, several in enumerate(places):
            array[row, place, :len(several)] = several
    return array


def _empty(kind: str, shape: tuple[int, ...]) -> Array:
    return np.full(shape, _EMPTY[kind], _DTYPE[kind])
