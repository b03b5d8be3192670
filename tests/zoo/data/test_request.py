"""Requests as tf.Examples: the round trip, and errors that name what, where and what to do."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toy import toy_request, toy_schema
from zoo.data import parsing
from zoo.data.example import from_example, to_example
from zoo.data.request import Request, RequestError, check_request
from zoo.data.request_log import RequestLog, RequestLogError, RequestLogWriter
from zoo.keras import tf

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
    ({"labels": {}}, "label 'click' is missing"),
    ({"labels": {"click": [1.0]}}, "every label needs one value per candidate"),
])
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(RequestError, match="request 'r7': .*" + message):
        check_request(SCHEMA, changed(**changes))


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
