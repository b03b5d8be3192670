import dataclasses
import json
import math

import pytest

from tests.toy import rich_requests, rich_schema, toy_requests, toy_schema
from zoo.data.request import RequestError, check_request
from zoo.data.request_json import request_from_json, request_to_json

SCHEMA = toy_schema()


@pytest.mark.parametrize("seed", range(5))
def test_writing_and_reading_gives_the_request_back(seed):
    request = dataclasses.replace(toy_requests(1, seed=seed)[0], labels={})
    read = request_from_json(SCHEMA, request_to_json(SCHEMA, request))
    check_request(SCHEMA, read, labelled=False)
    assert read == request


def test_several_values_are_lists_with_their_weights_beside_them():
    schema, request = rich_schema(), dataclasses.replace(rich_requests(1, seed=3)[0], labels={}, marks={})
    text = request_to_json(schema, request)
    assert request_from_json(schema, text) == request
    value = json.loads(text)
    assert value["features"]["interests"] == request.features["interests"]
    value["features"] |= {"interests": None, "interests_weight": None}
    value["candidates"][0] |= {"tags": [7, None], "title": None}
    read = request_from_json(schema, json.dumps(value))
    assert read.features["interests"] == [] and read.features["interests_weight"] == []
    assert read.candidates["tags"][0] == ["7", ""] and read.candidates["title"][0] == ""
    for name, wrong in (("tags", "t1"), ("tags_weight", ["heavy"])):
        value["candidates"][0][name] = wrong
        with pytest.raises(RequestError, match=rf"candidates\[0\].{name}: expected a"):
            request_from_json(schema, json.dumps(value))
        value["candidates"][0][name] = []


def test_a_missing_number_is_null_and_comes_back_missing():
    request = toy_requests(1)[0]
    request = dataclasses.replace(request, features=request.features | {"hour": math.nan})
    text = request_to_json(SCHEMA, request)
    assert json.loads(text)["features"]["hour"] is None
    assert math.isnan(request_from_json(SCHEMA, text).features["hour"])


def test_short_forms():
    schema = with_a_key(SCHEMA)
    text = """{"features": {"user_id": 7, "hour": null},
               "candidates": [{"item": 4, "category": null, "price": 3, "image": [0, 1, 2]}]}"""
    request = request_from_json(schema, text, where="r.json")
    check_request(schema, request, labelled=False)
    assert request.request_id == "r.json" and request.time == 0
    assert request.features["user_id"] == "7" and request.features["session"] == ""
    assert request.sequences == {"history": {"item": [], "category": [], "gap": []}}
    assert request.candidates == {"item": ["4"], "category": [""], "price": [3.0], "image": [[0.0, 1.0, 2.0]]}


def with_a_key(schema):
    return schema.model_copy(update={"keys": ("session",)})


def changed(**changes):
    value = json.loads(request_to_json(SCHEMA, toy_requests(1, history=1, candidates=2)[0]))
    return json.dumps(value | changes)


CANDIDATE = {"item": "i1", "category": "c1", "price": 1.0, "image": [0, 0, 0]}


@pytest.mark.parametrize("text, message", [
    ("{", "request: not valid JSON"),
    ("[]", "request: expected a JSON object"),
    (changed(candidate=[]), "unknown key 'candidate'; did you mean 'candidates'"),
    (changed(time="noon"), "time is 'noon'; expected whole seconds"),
    (changed(sequences={"histori": []}), "unknown sequence 'histori'; did you mean 'history'"),
    (changed(sequences={"history": [{"item": "i1"}]}), r"sequences.history\[0\]: 'category' is missing"),
    (changed(candidates={"item": ["i1"]}), "candidates: expected a list of objects"),
    (changed(candidates=[CANDIDATE, CANDIDATE | {"colour": "red"}]), r"candidates\[1\]: unknown feature 'colour'"),
    (changed(candidates=[CANDIDATE | {"price": "cheap"}]), r"candidates\[0\].price: expected a number, got \"cheap\""),
    (changed(candidates=[CANDIDATE | {"item": 1.5}]), r"candidates\[0\].item: an id is a string; got 1.5"),
    (changed(candidates=[CANDIDATE | {"item": True}]), r"candidates\[0\].item: an id is a string; got true"),
    (changed(candidates=[CANDIDATE | {"image": [1, 2]}]), r"candidates\[0\].image: expected 3 numbers"),
    ("[" * 100_000, "not valid JSON"),
])
def test_errors_name_the_place(text, message):
    with pytest.raises(RequestError, match=message):
        request_from_json(SCHEMA, text)


def test_an_unknown_feature_of_the_request_is_left_to_the_check():
    request = request_from_json(SCHEMA, changed(features={"user_id": "u", "hour": 1, "colour": "red"}))
    with pytest.raises(RequestError, match="unknown feature 'colour'"):
        check_request(SCHEMA, request, labelled=False)
