"""Requests as tf.Examples: the round trip, and errors that name what, where and what to do."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toy import rich_request, rich_schema, toy_request, toy_schema
from zoo.data import parsing
from zoo.data.example import from_example, to_example
from zoo.data.request import Request, RequestError, check_request
from zoo.data.request_log import RequestLog, RequestLogError, RequestLogWriter
from zoo.keras import tf
from zoo.schema import Schema

SCHEMA = toy_schema()
texts = st.text(max_size=8)
numbers = st.floats(width=32, allow_nan=False)


@st.composite
def requests(draw):
    events, count = draw(st.integers(0, 8)), draw(st.integers(1, 5))

    def many(strategy, size):
        return draw(st.lists(strategy, min_size=size, max_size=size))

    return Request(
        draw(texts), draw(st.integers(0, 2**40)), {"user_id": draw(texts), "hour": draw(numbers)},
        {"history": {"item": many(texts, events), "category": many(texts, events), "gap": many(numbers, events)}},
        {"item": many(texts, count), "category": many(texts, count), "price": many(numbers, count),
         "image": many(st.lists(numbers, min_size=3, max_size=3), count)},
        {"click": many(st.sampled_from([0.0, 1.0]), count)})


@settings(max_examples=60, deadline=None)
@given(requests())
def test_an_example_gives_the_request_back(request):
    assert from_example(SCHEMA, to_example(SCHEMA, request)) == request


@pytest.mark.parametrize("seed", range(4))
def test_an_example_gives_several_values_and_text_back_up_to_the_maximum(seed):
    schema = rich_schema()
    request = rich_request(np.random.default_rng(seed), schema, history=3 * seed)
    read = from_example(schema, to_example(schema, request))
    assert read.labels == {name: np.float32(values).tolist() for name, values in request.labels.items()}
    for column in schema.columns():
        expected = request.values(column)
        if column.feature.kind == "number":
            np.testing.assert_array_equal(np.float32(read.all_values(column)), np.float32(expected))
        else:
            assert read.all_values(column) == expected
        if column.feature.weighted:
            weights = [np.float32(several).tolist() for several in request.weights(column)]
            assert read.all_values(column, column.feature.weight) == weights
    assert from_example(schema, to_example(schema, read)) == read


def test_a_log_of_before_reads_as_it_did(tmp_path):
    """A schema and an example as they were written before there were several values, text and owners."""
    (tmp_path / "schema.yaml").write_text("""
name: old
spaces: {item: {min_count: 2}, user: {kind: hashed, buckets: 10}}
request: [{name: user, space: user, role: user}]
sequences: [{name: history, max_length: 3, fields: [{name: item, space: item, role: item}]}]
candidates:
  - {name: item, space: item, role: item}
  - {name: price, kind: number, buckets: 4}
  - {name: image, kind: number, width: 2}
labels: [{name: click}, {name: dwell, kind: regression}]
group_key: user
""")
    schema = Schema.load(tmp_path / "schema.yaml")
    example = tf.train.Example()
    for name, values in {"request_id": [b"r1"], "user": [b"u1"], "history_item": [b"i1", b"i2"],
                         "candidate_item": [b"i3", b"i4"]}.items():
        example.features.feature[name].bytes_list.value.extend(values)
    for name, values in {"candidate_price": [1.5, 2.5], "candidate_image": [1, 2, 3, 4], "label_click": [0, 1],
                         "label_dwell": [0, 7.5]}.items():
        example.features.feature[name].float_list.value.extend(values)
    example.features.feature["request_time"].int64_list.value.append(1_569_888_122)
    request = from_example(schema, example.SerializeToString())
    assert request == Request("r1", 1_569_888_122, {"user": "u1"}, {"history": {"item": ["i1", "i2"]}},
                              {"item": ["i3", "i4"], "price": [1.5, 2.5], "image": [[1, 2], [3, 4]]},
                              {"click": [0, 1], "dwell": [0, 7.5]})
    assert tf.train.Example.FromString(to_example(schema, request)) == example
    dense = parsing.to_dense(schema, tf.io.parse_example([example.SerializeToString()], parsing.raw_spec(schema)))
    assert {name: value.shape for name, value in dense.items()} == {
        "user": (1,), "history_item": (1, 2), "history_length": (1,), "candidate_item": (1, 2), "candidate_price": (1, 2),
        "candidate_image": (1, 2, 2), "candidate_count": (1,)}


@settings(max_examples=20, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=4))
def test_parsing_keeps_every_value_and_says_its_length(batch):
    examples = tf.constant([to_example(SCHEMA, request) for request in batch])
    dense = parsing.to_dense(SCHEMA, tf.io.parse_example(examples, parsing.raw_spec(SCHEMA)) | {
        c.bucket: tf.zeros((len(batch),), tf.int64) for c in SCHEMA.columns("request") if c.feature.buckets})
    for row, request in enumerate(batch):
        events, count = len(request.sequences["history"]["item"]), request.candidate_count
        assert dense["history_length"][row] == events and dense["candidate_count"][row] == count
        assert [v.decode() for v in dense["history_item"][row, :events].numpy()] == request.sequences["history"]["item"]
        np.testing.assert_array_equal(dense["candidate_image"][row, :count], np.float32(request.candidates["image"]))


def changed(**changes) -> Request:
    return dataclasses.replace(toy_request(np.random.default_rng(0), SCHEMA, history=2, candidates=2, name="r7"), **changes)


BASE = changed()


@pytest.mark.parametrize(("changes", "message"), [
    ({"features": {"user_id": "u", "our": 3.0}}, "unknown feature 'our'; did you mean 'hour'"),
    ({"features": {"user_id": "u"}}, "feature 'hour' is missing"),
    ({"features": {"user_id": 7, "hour": 1.0}}, "'user_id' holds ids, which are strings; got 7"),
    ({"features": {"user_id": "u", "hour": "late"}}, "'hour' holds numbers; got 'late'"),
    ({"candidates": {name: [] for name in BASE.candidates}, "labels": {"click": []}}, "no candidates"),
    ({"candidates": {**BASE.candidates, "price": [1.0]}}, "one value per candidate; got item: 2"),
    ({"candidates": {**BASE.candidates, "image": [[1.0], [2.0]]}}, "'image' is 3 wide, got 1"),
    ({"sequences": {"history": {**BASE.sequences["history"], "gap": []}}}, "one value per event"),
    ({"sequences": {}}, "sequence 'history' is missing"),
    ({"labels": {"click": [0.0, 2.0]}}, "label 'click' is 2.0; a binary label is 0, 1, or NaN"),
    ({"labels": {"click": [0.0, 0.5]}}, "label 'click' is 0.5; a binary label is 0, 1, or NaN"),
    ({"labels": {}}, "label 'click' is missing"),
    ({"labels": {"click": [1.0]}}, "every label needs one value per candidate"),
])
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(RequestError, match="request 'r7': .*" + message):
        check_request(SCHEMA, changed(**changes))


RICH = dataclasses.replace(rich_request(np.random.default_rng(0), rich_schema(), history=1, candidates=2, name="r8"),
                           labels={"click": [1.0, 0.0], "purchase": [1.0, 0.0], "teacher": [0.3, math.nan]})


@pytest.mark.parametrize(("part", "changes", "message"), [
    ("features", {"interests": "t1"}, "'interests' holds several ids: a list of strings.*; got 't1'"),
    ("features", {"interests": ["t1", 2]}, "'interests' holds ids, which are strings; got 2"),
    ("features", {"interests": ["t1"], "interests_weight": [1.0, 2.0]}, "'interests_weight' holds one weight for each"),
    ("features", {"interests": ["t1"], "interests_weight": [-1.0]}, "'interests_weight' holds weights.*at least 0; got -1.0"),
    ("features", {"interests": ["t1"], "interests_weight": [math.nan]}, "'interests_weight' holds weights: finite"),
    ("candidates", {"tags": [["t1"], None]}, "'candidate_tags' holds several ids.*; got None"),
    ("candidates", {"tags_weight": [[]]}, "one value per candidate.*tags_weight: 1"),
    ("candidates", {"title": ["a", 7]}, "'candidate_title' holds text; got 7"),
    ("candidates", {"image": [[0.0] * 3, 7.0]}, "'image' is 3 wide, got 7.0"),
    ("labels", {"teacher": [0.3, 1.5]}, "label 'teacher' is 1.5; a soft label is a probability, from 0 to 1"),
    ("labels", {"purchase": [1.0, 1.0]}, "label 'purchase' is 1.0 for candidate 1, where 'click', which it is given, is 0"),
])
def test_several_values_text_and_labels_that_do_not_fit_are_named(part, changes, message):
    check_request(rich_schema(), RICH)
    with pytest.raises(RequestError, match="request 'r8': .*" + message):
        check_request(rich_schema(), dataclasses.replace(RICH, **{part: {**getattr(RICH, part), **changes}}))


def test_weights_must_be_given_where_they_are_declared():
    features = {name: value for name, value in RICH.features.items() if name != "interests_weight"}
    with pytest.raises(RequestError, match="feature 'interests_weight' is missing"):
        check_request(rich_schema(), dataclasses.replace(RICH, features=features))


def test_a_label_may_be_unobserved_and_a_serving_request_has_none():
    check_request(SCHEMA, changed(labels={"click": [1.0, math.nan]}))
    check_request(SCHEMA, changed(labels={}), labelled=False)


def test_a_long_history_keeps_its_most_recent_events():
    request = toy_request(np.random.default_rng(0), SCHEMA, history=20)
    kept = from_example(SCHEMA, to_example(SCHEMA, request)).sequences["history"]["item"]
    assert kept == request.sequences["history"]["item"][-8:]


def test_a_log_appears_only_when_it_is_complete(tmp_path):
    with pytest.raises(RuntimeError), RequestLogWriter(tmp_path / "log", SCHEMA, {}) as log:
        log.write("train", BASE)
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []
    with RequestLogWriter(tmp_path / "log", SCHEMA, {"kind": "test"}, shard_size=2) as log:
        for split in ("train", "validation", "test"):
            for _ in range(3):
                log.write(split, toy_request(np.random.default_rng(0), SCHEMA, history=20))
    opened = RequestLog(tmp_path / "log")
    assert len(opened.files("train")) == 2 and len(list(opened.requests("train"))) == 3
    assert opened.schema == SCHEMA and opened.manifest["splits"]["test"]["truncated_sequences"] == 3
    with pytest.raises(RequestLogError, match="exists already"):
        RequestLogWriter(tmp_path / "log", SCHEMA, {})
    with pytest.raises(RequestLogError, match="not a request log"):
        RequestLog(tmp_path)


def test_a_request_without_an_event():
    request = toy_request(np.random.default_rng(2), SCHEMA, history=4)
    past = request.sequences["history"]
    for place, kept in ((0, [1, 2, 3]), (2, [0, 1, 3]), (-1, [0, 1, 2]), (-2, [0, 1, 3])):
        left = request.without_event("history", place)
        assert left.sequences["history"] == {name: [values[k] for k in kept] for name, values in past.items()}
        assert left.candidates == request.candidates and request.sequences["history"] is past
