"""Requests as columns of Arrow: the same examples as one by one, and the same refusals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.toy import rich_requests, rich_schema
from zoo.data.columnar import arrow_schema, check_batch, counts, encode, ranges, to_requests
from zoo.data.example import to_example
from zoo.data.request import Request, RequestError
from zoo.keras import tf
from zoo.schema import REQUEST_ID, REQUEST_TIME, Schema

SCHEMA = rich_schema()
REQUESTS = rich_requests(30)


def from_requests(schema: Schema, requests: Sequence[Request], labelled: bool = True) -> pa.RecordBatch:
    """The batch of some requests, one by one; what is longer than the schema's maximum is cut (`Request.values`)."""
    columns: dict[str, list[list[Any]]] = {
        REQUEST_ID: [[request.request_id] for request in requests], REQUEST_TIME: [[int(request.time)] for request in requests],
        **{key: [[str(request.features[key])] for request in requests] for key in schema.keys}}
    for column in schema.columns():
        rows, flat = [list(request.values(column)) for request in requests], column.feature.multiple or column.feature.width > 1
        columns[column.name] = [list(chain.from_iterable(row)) for row in rows] if flat else rows
        if column.feature.multiple:
            columns[column.count] = [list(map(len, row)) for row in rows]
        if column.feature.weighted:
            columns[column.weight] = [list(chain.from_iterable(request.weights(column))) for request in requests]
    if labelled:
        for label in schema.labels:
            columns[label.column] = [list(request.labels[label.name]) for request in requests]
            if label.truth:
                columns[label.truth_column] = [list(request.truth[label.name]) for request in requests]
        for mark in schema.marks:
            columns[mark.column] = [list(request.marks[mark.name]) for request in requests]
        if schema.sample_weight:
            columns["sample_weight"] = [list(request.sample_weight or ()) for request in requests]
    fields = arrow_schema(schema, labelled)
    return pa.RecordBatch.from_arrays([pa.array(columns[field.name], field.type) for field in fields], schema=fields)


def changed(name: str, change) -> pa.RecordBatch:
    """The batch of all requests with another column in the place of one."""
    batch = from_requests(SCHEMA, REQUESTS)
    place = batch.schema.get_field_index(name)
    columns = [*batch.columns[:place], change(batch.column(place)), *batch.columns[place + 1:]]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def values(change):
    """Changes the flat values of a column."""
    return lambda column: pa.ListArray.from_arrays(column.offsets, pa.array(change(column.flatten().to_numpy().copy()),
                                                                             column.type.value_type))


@pytest.mark.parametrize("labelled", [True, False])
def test_the_examples_are_those_of_single_requests(labelled):
    batch = from_requests(SCHEMA, REQUESTS, labelled)
    check_batch(SCHEMA, batch, labelled)
    for ours, request in zip(encode(batch), REQUESTS, strict=True):
        theirs = to_example(SCHEMA, request, labelled)
        assert tf.train.Example.FromString(ours).features == tf.train.Example.FromString(theirs).features


def test_a_part_of_a_batch_is_a_batch():
    """As the simulator and the import write them."""
    whole, part = (from_requests(SCHEMA, REQUESTS), from_requests(SCHEMA, REQUESTS).slice(10, 5))
    check_batch(SCHEMA, part)
    assert counts(SCHEMA, part) == counts(SCHEMA, from_requests(SCHEMA, REQUESTS[10:15]))
    for ours, request in zip(to_requests(SCHEMA, part), list(to_requests(SCHEMA, whole))[10:15], strict=True):
        assert repr(ours) == repr(request)  # a label may be NaN
    wrong = changed("label_click", at(sum(request.candidate_count for request in REQUESTS[:12]), 2.0)).slice(10, 5)
    with pytest.raises(RequestError, match="request 'r12': column 'label_click' is 2.0"):
        check_batch(SCHEMA, wrong)


def at(place: int, value):
    def change(array):
        array[place] = value
        return array

    return values(change)


def shorter(column):
    """Without the last value of the third request."""
    lengths = np.diff(column.offsets.to_numpy())
    keep = np.ones(lengths.sum(), bool)
    keep[lengths[:3].sum() - 1] = False
    lengths[2] -= 1
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()),
                                    column.flatten().filter(pa.array(keep)))


@pytest.mark.parametrize(("name", "change", "message"), [
    ("label_click", at(0, 2.0), "request 'r0': column 'label_click' is 2.0; a binary label is 0, 1, or NaN"),
    ("label_teacher", at(0, -0.1), "column 'label_teacher' is -0.1.*; a soft label is a probability"),
    ("interests_weight", at(1, np.inf), "column 'interests_weight' is inf; weights are finite numbers"),
    ("candidate_price", shorter, "request 'r2': column 'candidate_price' has .* values, expected .*, one for each candidate"),
    ("candidate_image", shorter, "request 'r2': column 'candidate_image' has .* values"),
    ("candidate_tags_count", shorter, "request 'r2': column 'candidate_tags_count' has .* one for each candidate"),
    ("label_click", shorter, "request 'r2': column 'label_click' has .* values"),
    ("user_id", lambda column: pa.array([None, *column.to_pylist()[1:]], column.type), "column 'user_id' has missing values"),
])
def test_what_does_not_fit_is_named_with_its_request(name, change, message):
    with pytest.raises(RequestError, match=message):
        check_batch(SCHEMA, changed(name, change))


def test_a_purchase_needs_its_click():
    batch = changed("label_purchase", values(lambda array: np.ones_like(array)))
    with pytest.raises(RequestError, match="'purchase' is above 0 where 'click', which it is given, is 0"):
        check_batch(SCHEMA, batch)


def test_other_columns_are_named():
    batch = from_requests(SCHEMA, REQUESTS)
    with pytest.raises(RequestError, match=r"missing \['label_click'"):
        check_batch(SCHEMA, from_requests(SCHEMA, REQUESTS, labelled=False))
    check_batch(SCHEMA, batch)


def test_counts_by_hand():
    found = counts(SCHEMA, from_requests(SCHEMA, REQUESTS))
    assert found["requests"] == 30 and found["candidates"] == sum(request.candidate_count for request in REQUESTS)
    assert found["positives"]["click"] == sum(map(sum, (request.labels["click"] for request in REQUESTS)))
    assert (found["first_time"], found["last_time"]) == (REQUESTS[0].time, REQUESTS[-1].time)


def test_ranges_by_hand():
    assert ranges(np.array([7, 2, 5, 0]), np.array([3, 2, 0, 1])).tolist() == [7, 8, 9, 2, 3, 0]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []
