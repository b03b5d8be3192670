"""One request with its candidates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.config import nearest
from zoo.schema import Column, Schema


class RequestError(ValueError):
    """A request that does not fit its schema; the message names the request, the column and the remedy."""


@dataclass(frozen=True)
class Request:
    """Who asked, what they had done before, what they were shown, and what they did.

    Args:
        request_id: name of the request in logs and errors.
        time: seconds since 1970.
        features: request features and keys by name; one value each.
        sequences: by sequence name, then by field name: one list of values, **oldest first**, all equally long.
        candidates: by feature name: one list of N values (N lists of `width` values for a wider feature).
        labels: by task: N floats; NaN where not observed; empty when serving.
        truth: by task: N true probabilities, where a simulator knows them.
        sample_weight: N floats, or None for weight 1.

    Example:
        >>> Request("r1", 1569888122, {"user_id": "u7"}, {"history": {"item": ["3", "9"]}},
        ...         {"item": ["4", "5"]}, labels={"click": [0, 1]})
    """

    request_id: str
    time: int
    features: Mapping[str, Any] = field(default_factory=dict)
    sequences: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    candidates: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    labels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    truth: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sample_weight: Sequence[float] | None = None

    @property
    def candidate_count(self) -> int:
        return len(next(iter(self.candidates.values()), ()))


def check_request(schema: Schema, request: Request, labelled: bool = True) -> None:
    """Checks that a request has just the columns of the schema, equally long and of the right type.

    Raises:
        RequestError: naming the request, the column, what was expected and what to do.
    """
    def fail(message: str) -> None:
        raise RequestError(f"request {request.request_id!r}: {message}")

    expected = {f.name for f in schema.request} | set(schema.keys)
    _same_names(fail, "feature", request.features, expected)
    _same_names(fail, "sequence", request.sequences, {s.name for s in schema.sequences})
    for sequence in schema.sequences:
        fields = request.sequences[sequence.name]
        _same_names(fail, f"field of {sequence.name!r}", fields, {f.name for f in sequence.fields})
        _same_length(fail, f"{sequence.name!r}: every field needs one value per event", fields)
    _same_names(fail, "candidate feature", request.candidates, {f.name for f in schema.candidates})
    _same_length(fail, "every candidate feature needs one value per candidate", request.candidates)
    count = request.candidate_count
    if count == 0:
        fail("no candidates; a request needs at least one")
    for column in schema.columns():
        for value in _values(request, column):
            _check_value(fail, column, value)
    if labelled:
        _same_names(fail, "label", request.labels, {label.name for label in schema.labels})
        _same_names(fail, "truth", request.truth, {label.name for label in schema.labels if label.truth})
        for kind, values in (("label", request.labels), ("truth", request.truth)):
            _same_length(fail, f"every {kind} needs one value per candidate", {**values, "candidates": range(count)})
        for label in schema.labels:
            for value in request.labels[label.name] if label.kind == "binary" else ():
                if value not in (0, 1) and not math.isnan(value):
                    fail(f"label {label.name!r} is {value!r}; a binary label is 0, 1, or NaN for not observed")
        if schema.sample_weight:
            if request.sample_weight is None or len(request.sample_weight) != count:
                fail(f"the schema declares sample_weight: give {count} floats")


def _values(request: Request, column: Column) -> Sequence[Any]:
    """The values of one column as a flat list."""
    name = column.feature.name
    if column.level == "request":
        return [request.features[name]]
    if column.level == "sequence":
        return request.sequences[column.sequence.name][name]
    values = request.candidates[name]
    if column.feature.width == 1:
        return values
    for value in values:
        if len(value) != column.feature.width:
            raise RequestError(f"request {request.request_id!r}: candidate feature {name!r} is "
                               f"{column.feature.width} wide, got {len(value)} values")
    return [number for value in values for number in value]


def _check_value(fail: Any, column: Column, value: Any) -> None:
    if column.feature.kind == "id":
        if not isinstance(value, str):
            fail(f"column {column.name!r} holds ids, which are strings; got {value!r} ({type(value).__name__})")
    elif isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        fail(f"column {column.name!r} holds numbers; got {value!r} ({type(value).__name__})")


def _same_names(fail: Any, what: str, got: Mapping[str, Any], expected: set[str]) -> None:
    for name in got:
        if name not in expected:
            fail(f"unknown {what} {name!r}{nearest(name, expected - set(got))}")
    missing = sorted(expected - set(got))
    if missing:
        fail(f"{what} {missing[0]!r} is missing" + (f" (and {len(missing) - 1} more)" if missing[1:] else ""))


def _same_length(fail: Any, rule: str, values: Mapping[str, Sequence[Any]]) -> None:
    lengths = {name: len(value) for name, value in values.items()}
    if len(set(lengths.values())) > 1:
        fail(f"{rule}; got " + ", ".join(f"{name}: {length}" for name, length in lengths.items()))
