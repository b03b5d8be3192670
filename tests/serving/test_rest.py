"""The REST protocol on both servers."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request

import numpy as np
import pytest

from serving.encoding import encode_requests
from tests.toy import toy_requests, toy_schema
from zoo.data.example import to_example

REQUESTS = toy_requests(2, candidates=3)
PRICES = encode_requests(toy_schema(), REQUESTS).inputs["candidate_price"]


def call(server, path, body=None):
    """(status, JSON) of a GET, or of a POST with a body (bytes, or a value to send as JSON)."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(server.rest + path, data), timeout=30) as response:
            assert response.headers["Content-Type"].startswith("application/json")
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read().decode(), strict=False)


def columns():
    inputs = encode_requests(toy_schema(), REQUESTS).inputs
    return {name: np.vectorize(bytes.decode, otypes=[object])(array).tolist() if array.dtype == object
            else array.tolist() for name, array in inputs.items()}


def rows():
    values = columns()
    return [{name: value[row] for name, value in values.items()} for row in range(len(REQUESTS))]


@pytest.mark.slow
def test_columns_in_columns_out(server):
    status, answer = call(server, "/v1/models/scorer:predict", {"signature_name": "rank", "inputs": columns()})
    assert status == 200
    np.testing.assert_allclose(answer["outputs"], 7 + PRICES / 1000, rtol=1e-5)


def test_rows_in_rows_out(server):
    status, answer = call(server, "/v1/models/scorer:predict", {"signature_name": "rank", "instances": rows()})
    assert status == 200
    np.testing.assert_allclose(answer["predictions"], 7 + PRICES / 1000, rtol=1e-5)


@pytest.mark.parametrize("path", ["/v1/models/scorer/versions/7:predict", "/v1/models/scorer:predict"])
def test_rows_of_a_lone_input_need_no_name_and_bytes_go_as_base64(server, path):
    examples = [{"b64": base64.b64encode(to_example(toy_schema(), request)).decode()} for request in REQUESTS]
    for instances in (examples, [{"examples": example} for example in examples]):
        status, answer = call(server, path, {"instances": instances})
        assert status == 200
        np.testing.assert_allclose(answer["predictions"], 7 + PRICES / 1000, rtol=1e-5)


def test_several_outputs_have_names_and_bytes_come_as_base64(server):
    inputs = {"name": [{"b64": base64.b64encode(b"Ada").decode()}, "Bob"], "value": [1, 2.5]}
    status, answer = call(server, "/v1/models/scorer:predict", {"signature_name": "two_outputs", "inputs": inputs})
    assert status == 200
    names = [{"b64": base64.b64encode(name).decode()} for name in (b"Ada", b"Bob")]
    assert answer["outputs"] == {"double": [2.0, 5.0], "greeting": ["hello Ada", "hello Bob"], "name_bytes": names}
    by_row = [{"name": "Ada", "value": 1}, {"name": "Bob", "value": 2.5}]
    status, answer = call(server, "/v1/models/scorer:predict", {"signature_name": "two_outputs", "instances": by_row})
    assert status == 200
    assert answer["predictions"][1] == {"double": 5.0, "greeting": "hello Bob", "name_bytes": names[1]}


@pytest.mark.parametrize("path", ["/v1/models/scorer", "/v1/models/scorer/versions/7"])
def test_status(server, path):
    status, answer = call(server, path)
    assert status == 200
    found, = answer["model_version_status"]
    assert (found["version"], found["state"], found["status"]["error_code"]) == ("7", "AVAILABLE", "OK")


def test_metadata(server):
    status, answer = call(server, "/v1/models/din/metadata")
    assert status == 200
    assert answer["model_spec"]["name"] == "din" and answer["model_spec"]["version"] == "1"
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["rank"]["inputs"]["candidate_item"]["dtype"] == "DT_STRING"


@pytest.mark.parametrize("path", ["/v1/models/unknown", "/v1/models/scorer/versions/99", "/v1/models/unknown/metadata"])
def test_what_is_not_there_is_404(server, path):
    status, answer = call(server, path)
    assert status == 404 and answer["error"]


@pytest.mark.parametrize("path, code", [
    ("/v1/models/unknown:predict", 404), ("/v1/models/scorer/versions/99:predict", 404),
    ("/v1/models/scorer/labels/canary:predict", 400), ("/v1/models/scorer:rank", 400), ("/v1/models", 400),
    ("/v1/models/scorer/versions/abc:predict", 400),
])
def test_codes_of_predict(server, path, code):
    status, answer = call(server, path, {"signature_name": "rank", "inputs": columns()})
    assert status == code and answer["error"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[1, 2]", b"\x00\xff", b"null", {}, {"inputs": columns(), "instances": rows()},
    {"instances": []}, {"instances": {}}, {"signature_name": 100, "inputs": columns()},
    {"signature_name": "score", "inputs": columns()},
    {"signature_name": "rank", "inputs": columns() | {"candidate_price": [["12.5"] * 3] * 2}},
    {"signature_name": "rank", "inputs": columns() | {"candidate_price": [[1.0, 2.0], [3.0]]}},
    {"signature_name": "rank", "inputs": columns() | {"candidate_item": [[1, 2, 3]] * 2}},
    {"signature_name": "rank", "inputs": columns() | {"candidate_count": [1.5, 2]}},
    {"signature_name": "rank", "instances": [row | {"colour": "red"} for row in rows()]},
    {"signature_name": "rank", "inputs": {k: v for k, v in columns().items() if k != "candidate_price"}},
    {"signature_name": "rank", "instances": [rows()[0], {"candidate_count": 1}]},
    {"signature_name": "rank", "instances": [rows()[0], "row"]},
    {"instances": [{"b64": "***"}]}, {"instances": [{"b64": "\x80"}]},
], ids=[
    "empty", "cut", "list", "bytes", "null", "nothing", "both", "no-rows", "object-of-rows", "signature-number",
    "signature-unknown", "string-for-number", "ragged", "number-for-string", "float-for-int", "unexpected", "missing",
    "rows-differ", "rows-mixed", "no-base64", "no-ascii"])
def test_a_wrong_body_is_400_with_a_reason(server, body):
    status, answer = call(server, "/v1/models/scorer:predict", body)
    assert status == 400, answer
    assert answer["error"]


def test_an_assertion_in_the_graph_is_400(server):
    values = columns() | {"candidate_price": [[-1.0] * 3] * 2}
    status, answer = call(server, "/v1/models/scorer:predict", {"signature_name": "rank", "inputs": values})
    assert status == 400 and "a price is negative" in answer["error"]
