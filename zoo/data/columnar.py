"""Many requests at once, as columns of Arrow: what logs are written from where requests one by one would be too slow.

A batch has one row a request and one list column for each raw column of an example (`Column.raw_names`, labels, keys): a
request feature is a list of one value, candidates and events are as many as there are, several values stand flat with their
counts beside them. That is how tf.Examples have them, so that they are encoded column by column (`zoo.data.wire`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.example import from_example
from zoo.data.request import Request, RequestError
from zoo.data.wire import examples
from zoo.schema import REQUEST_ID, REQUEST_TIME, Column, Schema

TEXT, NUMBER, WHOLE = pa.list_(pa.binary()), pa.list_(pa.float32()), pa.list_(pa.int64())


def arrow_schema(schema: Schema, labelled: bool = True) -> pa.Schema:
    """The columns of a batch of raw requests, in the order of the schema.

    Args:
        schema: declares the columns.
        labelled: whether labels, truth, marks and weights are among them.
    """
    fields = {REQUEST_ID: TEXT, REQUEST_TIME: WHOLE} | {key: TEXT for key in schema.keys}
    for column in schema.columns():
        fields[column.name] = NUMBER if column.feature.kind == "number" else TEXT
        if column.feature.multiple:
            fields[column.count] = WHOLE
        if column.feature.weighted:
            fields[column.weight] = NUMBER
    if labelled:
        for label in schema.labels:
            fields[label.column] = NUMBER
            if label.truth:
                fields[label.truth_column] = NUMBER
        fields |= {mark.column: NUMBER for mark in schema.marks}
        if schema.sample_weight:
            fields["sample_weight"] = NUMBER
    return pa.schema(list(fields.items()))


def encode(batch: pa.RecordBatch) -> list[bytes]:
    """The serialized tf.Example of each row of a batch."""
    return examples(batch).to_pylist()


def to_requests(schema: Schema, batch: pa.RecordBatch) -> Iterator[Request]:
    """The requests of a batch, one by one."""
    return (from_example(schema, serialized) for serialized in encode(batch))


def lists(values: pa.Array, lengths: np.ndarray) -> pa.ListArray:
    """A list column of flat values and the number that each row has."""
    return pa.ListArray.from_arrays(pa.array(offsets(lengths), pa.int32()), values)


def offsets(lengths: np.ndarray) -> np.ndarray:
    """`[n + 1]` where each list begins and ends, of the lengths `[n]` of lists that lie one after the other."""
    return np.concatenate([[0], np.cumsum(lengths)])


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers `start, start + 1, …` of each range, one after the other.

    Example:
        >>> ranges(np.array([7, 2]), np.array([3, 2]))
        array([7, 8, 9, 2, 3])
    """
    first = np.repeat(starts - offsets(lengths)[:-1], lengths)
    return first + np.arange(len(first))


def lengths_of(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """`[R]` how many values each request has in a column."""
    return np.diff(_places(batch.column(name)))


def _places(column: pa.ListArray) -> np.ndarray:
    """`[R + 1]` where each row begins and ends in `column.flatten()`; a slice of a batch keeps the places of the whole."""
    places = column.offsets.to_numpy()
    return places - places[0]


def check_batch(schema: Schema, batch: pa.RecordBatch, labelled: bool = True) -> None:
    """Checks a batch as `check_request` checks a request.

    Raises:
        RequestError: names the first request that does not fit, the column and what was expected.
    """
    expected = arrow_schema(schema, labelled)
    if batch.schema != expected:
        missing, other = set(expected.names) - set(batch.schema.names), set(batch.schema.names) - set(expected.names)
        types = [name for name in batch.schema.names if name not in other and batch.schema.field(name) != expected.field(name)]
        raise RequestError(f"a batch of requests of {schema.name!r} has other columns than its schema: missing "
                           f"{sorted(missing)}, unknown {sorted(other)}, of another type {types}")
    check = _Checks(schema, batch)
    for name in (REQUEST_ID, REQUEST_TIME, *schema.keys):
        check.lengths(name, 1)
    count = check.candidates()
    for column in schema.columns():
        check.column(column, count)
    if labelled:
        check.labels(count)


class _Checks:
    """The checks of one batch."""

    def __init__(self, schema: Schema, batch: pa.RecordBatch):
        self.schema, self.batch = schema, batch

    def fail(self, wrong: np.ndarray, message: str) -> None:
        """Raises for the first request of which something is wrong `[R]`."""
        if wrong.any():
            row = int(np.argmax(wrong))
            name = self.batch.column(REQUEST_ID)[row].as_py()
            raise RequestError(f"request {name[0].decode(errors='replace') if name else row!r}: {message}")

    def lengths(self, name: str, expected: Any, because: str = "") -> None:
        column = self.batch.column(name)
        if column.null_count or column.flatten().null_count:
            raise RequestError(f"column {name!r} has missing values; a missing id is '', a missing number NaN")
        found = lengths_of(self.batch, name)
        wrong = found != expected
        if wrong.any():
            row = int(np.argmax(wrong))
            wanted = int(np.broadcast_to(expected, found.shape)[row])
            self.fail(wrong, f"column {name!r} has {found[row]} values, expected {wanted}{because}")

    def candidates(self) -> np.ndarray:
        """`[R]` how many candidates each request has."""
        first = self.schema.columns("candidate")[0]
        count = lengths_of(self.batch, first.count if first.feature.multiple else first.name) // first.feature.width
        self.fail(count == 0, "no candidates; a request needs at least one")
        return count

    def column(self, column: Column, count: np.ndarray) -> None:
        places: Any = 1
        if column.level == "candidate":
            places = count
        elif column.sequence:
            head = self.schema.sequence_columns(column.sequence)[0]
            places = lengths_of(self.batch, head.count if head.feature.multiple else head.name)
        because = {"candidate": ", one for each candidate", "sequence": ", one for each event"}.get(column.level, "")
        if not column.feature.multiple:
            self.lengths(column.name, places * column.feature.width, because)
            return
        self.lengths(column.count, places, because)
        counts = self.batch.column(column.count)
        totals = np.diff(offsets(counts.flatten().to_numpy())[_places(counts)])
        for name in [column.name] + [column.weight] * column.feature.weighted:
            self.lengths(name, totals, f", as {column.count!r} says")
        if column.feature.weighted:
            self.values(column.weight, lambda w: ~((w >= 0) & np.isfinite(w)), "weights are finite numbers that are at least 0")

    def labels(self, count: np.ndarray) -> None:
        for label in self.schema.labels:
            for name in [label.column] + [label.truth_column] * label.truth:
                self.lengths(name, count, ", one for each candidate")
            if label.kind == "binary" and label.soft:
                self.values(label.column, lambda values: ~(np.isnan(values) | ((values >= 0) & (values <= 1))),
                            "a soft label is a probability, from 0 to 1, or NaN for not observed")
            elif label.kind == "binary":
                self.values(label.column, lambda values: ~(np.isnan(values) | (values == 0) | (values == 1)),
                            "a binary label is 0, 1, or NaN for not observed")
        for label in self.schema.labels:
            if label.given:
                given = self.batch.column(next(one.column for one in self.schema.labels if one.name == label.given))
                self.values(label.column, lambda v, given=given: (v > 0) & (given.flatten().to_numpy() == 0),
                            f"{label.name!r} is above 0 where {label.given!r}, which it is given, is 0")
        for mark in self.schema.marks:
            self.lengths(mark.column, count, ", one for each candidate")
        if self.schema.sample_weight:
            self.lengths("sample_weight", count, ", one for each candidate")

    def values(self, name: str, wrong: Any, rule: str) -> None:
        """Raises for the first value that breaks a rule."""
        column = self.batch.column(name)
        values = column.flatten().to_numpy(zero_copy_only=False)
        broken = wrong(values)
        if broken.any():
            place = int(np.argmax(broken))
            rows = np.searchsorted(_places(column), place, side="right") - 1
            self.fail(np.arange(len(column)) == rows, f"column {name!r} is {values[place]}; {rule}")


def counts(schema: Schema, batch: pa.RecordBatch) -> dict[str, Any]:
    """What the manifest of a log says of a split, for the requests of a batch."""
    times = batch.column(REQUEST_TIME).flatten().to_numpy()
    positives = {label.name: int(pc.sum(pc.greater(batch.column(label.column).flatten(), 0)).as_py() or 0)
                 for label in schema.labels}
    candidates = schema.columns("candidate")[0]
    name = candidates.count if candidates.feature.multiple else candidates.name
    return {"requests": len(batch), "candidates": int(lengths_of(batch, name).sum()) // candidates.feature.width,
            "positives": positives, "first_time": int(times.min()), "last_time": int(times.max()), "truncated_sequences": 0}
