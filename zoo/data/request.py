"""One request with its candidates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.config import nearest
from zoo.schema import Column, Feature, Label, Schema

Fail = Callable[[str], None]


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
            A value of a feature with several is a list of ids, which may be empty; where they are weighted, the list of their
            weights stands at the same place of `<feature>_weight`.
        labels: by task: N floats; NaN where not observed; empty when serving.
        truth: by task: N true probabilities, where a simulator knows them.
        marks: by name: N floats that no model reads (how far a candidate came in the cascade).
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
    marks: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sample_weight: Sequence[float] | None = None

    @property
    def candidate_count(self) -> int:
        return len(next(iter(self.candidates.values()), ()))

    def without_event(self, sequence: str, place: int) -> Request:
        """The same request of a user who had not done one of the things that they did.

        Args:
            sequence: name of the sequence.
            place: of the event, 0 for the oldest, −1 for the most recent one.
        """
        left = {name: [*values[:place], *values[place:][1:]] for name, values in self.sequences[sequence].items()}
        return replace(self, sequences={**self.sequences, sequence: left})

    def values(self, column: Column) -> Sequence[Any]:
        """The values of a column that may reach a model: one of the request, of each event or of each candidate.

        Here, and nowhere else, lists are cut: a history to its most recent events, several values to the first.
        """
        return self._cut(column, column.feature.name)

    def weights(self, column: Column) -> Sequence[Sequence[float]]:
        """The weights of the values of a column with several."""
        return self._cut(column, column.feature.weight)

    def all_values(self, column: Column, name: str | None = None) -> Sequence[Any]:
        """The same before lists are cut; `name` where it is not the feature's."""
        if column.level == "request":
            return [self.features[name or column.feature.name]]
        places = self.sequences[column.sequence.name] if column.sequence else self.candidates
        return places[name or column.feature.name]

    def _cut(self, column: Column, name: str) -> Sequence[Any]:
        values = self.all_values(column, name)
        if column.sequence:
            values = values[-column.sequence.max_length:]
        return [several[:column.feature.max_values] for several in values] if column.feature.multiple else values


def check_request(schema: Schema, request: Request, labelled: bool = True) -> None:
    """Checks that a request has just the columns of the schema, equally long and of the right type.

    Raises:
        RequestError: naming the request, the column, what was expected and what to do.
    """
    def fail(message: str) -> None:
        raise RequestError(f"request {request.request_id!r}: {message}")

    _same_names(fail, "feature", request.features, _names(schema.request) | set(schema.keys))
    _same_names(fail, "sequence", request.sequences, {s.name for s in schema.sequences})
    for sequence in schema.sequences:
        fields = request.sequences[sequence.name]
        _same_names(fail, f"field of {sequence.name!r}", fields, _names(sequence.fields))
        _same_length(fail, f"{sequence.name!r}: every field needs one value per event", fields)
    _same_names(fail, "candidate feature", request.candidates, _names(schema.candidates))
    _same_length(fail, "every candidate feature needs one value per candidate", request.candidates)
    count = request.candidate_count
    if count == 0:
        fail("no candidates; a request needs at least one")
    for column in schema.columns():
        values, check = request.all_values(column), _check_values if column.feature.multiple else _check_value
        if not _plain(column, values):
            for value in values:
                check(fail, column, value)
        if column.feature.weighted:
            for ids, weights in zip(request.all_values(column), request.all_values(column, column.feature.weight), strict=True):
                _check_weights(fail, column, ids, weights)
    if labelled:
        _same_names(fail, "label", request.labels, {label.name for label in schema.labels})
        _same_names(fail, "truth", request.truth, {label.name for label in schema.labels if label.truth})
        _same_names(fail, "mark", request.marks, {mark.name for mark in schema.marks})
        for kind, values in (("label", request.labels), ("truth", request.truth), ("mark", request.marks)):
            _same_length(fail, f"every {kind} needs one value per candidate", {**values, "candidates": range(count)})
        for label in schema.labels:
            if label.kind == "binary":
                _check_binary(fail, label, request.labels)
        if schema.sample_weight:
            if request.sample_weight is None or len(request.sample_weight) != count:
                fail(f"the schema declares sample_weight: give {count} floats")


def _names(features: Sequence[Feature]) -> set[str]:
    """What stands in a request: the features, and the weights of those that are weighted."""
    return {f.name for f in features} | {f.weight for f in features if f.weighted}


def _plain(column: Column, values: Sequence[Any]) -> bool:
    """Whether nothing is to be said against some values, as mostly: their types, which are few, are looked at together."""
    feature = column.feature
    if feature.multiple or feature.width > 1:
        return False
    return set(map(type, values)) <= ({float, int} if feature.kind == "number" else {str})


def _check_value(fail: Fail, column: Column, value: Any) -> None:
    feature = column.feature
    if feature.kind != "number":
        if not isinstance(value, str):
            what = "ids, which are strings" if feature.kind == "id" else "text"
            fail(f"column {column.name!r} holds {what}; got {value!r} ({type(value).__name__})")
    elif feature.width > 1:
        if not hasattr(value, "__len__") or len(value) != feature.width:
            got = f"{len(value)} values" if hasattr(value, "__len__") else repr(value)
            fail(f"candidate feature {feature.name!r} is {feature.width} wide, got {got}")
        for number in value:
            _check_number(fail, column, number)
    else:
        _check_number(fail, column, value)


def _check_number(fail: Fail, column: Column, value: Any) -> None:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        fail(f"column {column.name!r} holds numbers; got {value!r} ({type(value).__name__})")


def _check_values(fail: Fail, column: Column, values: Any) -> None:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        fail(f"column {column.name!r} holds several ids: a list of strings, empty where there is none; got {values!r}")
    for value in values:
        _check_value(fail, column, value)


def _check_weights(fail: Fail, column: Column, ids: Sequence[str], weights: Any) -> None:
    if isinstance(weights, (str, bytes)) or not hasattr(weights, "__len__") or len(weights) != len(ids):
        fail(f"column {column.weight!r} holds one weight for each of the {len(ids)} ids of {column.name!r}; got {weights!r}")
    for weight in weights:
        if isinstance(weight, (str, bytes)) or not hasattr(weight, "__float__") or not 0 <= float(weight) < math.inf:
            fail(f"column {column.weight!r} holds weights: finite numbers that are at least 0; got {weight!r}")


def _check_binary(fail: Fail, label: Label, labels: Mapping[str, Sequence[float]]) -> None:
    expected = ("a soft label is a probability, from 0 to 1, or NaN for not observed" if label.soft
                else "a binary label is 0, 1, or NaN for not observed")
    for place, value in enumerate(labels[label.name]):
        if math.isnan(value):
            continue
        if not 0 <= value <= 1 or (value not in (0, 1) and not label.soft):
            fail(f"label {label.name!r} is {value!r}; {expected}")
        if label.given and value > 0 and labels[label.given][place] == 0:
            fail(f"label {label.name!r} is {value!r} for candidate {place}, where {label.given!r}, which it is given, is 0; "
                 f"set {label.given!r} to 1 there, or declare {label.name!r} without `given`")


def _same_names(fail: Fail, what: str, got: Mapping[str, Any], expected: set[str]) -> None:
    for name in got:
        if name not in expected:
            fail(f"unknown {what} {name!r}{nearest(name, expected - set(got))}")
    missing = sorted(expected - set(got))
    if missing:
        fail(f"{what} {missing[0]!r} is missing" + (f" (and {len(missing) - 1} more)" if missing[1:] else ""))


def _same_length(fail: Fail, rule: str, values: Mapping[str, Sequence[Any]]) -> None:
    lengths = {name: len(value) for name, value in values.items()}
    if len(set(lengths.values())) > 1:
        fail(f"{rule}; got " + ", ".join(f"{name}: {length}" for name, length in lengths.items()))
