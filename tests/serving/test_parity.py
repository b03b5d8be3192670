"""What the same request answers on both servers, case by case where they once differed."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.client import RankingClient
from serving.server.protocol import (
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tests.serving.models import write_corners, write_version
from tests.serving.test_versions import wait_for
from tests.toy import toy_bound
from zoo.keras import tf

CODES = grpc.StatusCode
VERSION = 1234567890123456789  # 19 digits, as a pusher's clock in nanoseconds writes them


@pytest.fixture(scope="module")
def corners(start, tmp_path_factory):
    """A server with the model `corners` alone."""
    base = tmp_path_factory.mktemp("models") / "corners"
    base.mkdir()
    write_corners(base / str(VERSION))
    with start({"corners": base}, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def channel(corners):
    with grpc.insecure_channel(corners.target) as channel:
        yield channel


def request(server, method, path, body=None, headers=None, chunked=False):
    """(status, headers, body) of a call over a plain connection."""
    address = urlsplit(server.rest)
    with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=30)) as connection:
        connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def post(server, signature, body, **options):
    """(status, text) of a predict call: the members of a JSON object, beside which the signature's name stands."""
    whole = f'{{"signature_name": "{signature}", {body}}}'.encode()
    status, _, content = request(server, "POST", "/v1/models/corners:predict", whole, **options)
    return status, content.decode()


def predict(channel, signature, array, **spec):
    call = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="corners", signature_name=signature, **spec))
    call.inputs["x"].CopyFrom(tf.make_tensor_proto(array))
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(call, timeout=20)


# ---- predict over REST ---------------------------------------------------------------------------------------------

OK = {
    "a shape that the graph takes": ("half_plus_two", '"inputs": [2.0, 4.0]', [3.0, 4.0]),
    "unknown input beside the known": ("floats", '"inputs": {"x": [1.5], "colour": ["red"]}', [1.5]),
    "unknown top-level key": ("floats", '"inputs": [1.5], "trace": true', [1.5]),
    "b64 without padding": ("text", '"inputs": [{"b64": "QWRhIQ"}]', ["Ada!"]),
    "b64 with a newline": ("text", r'"inputs": [{"b64": "QWRh\nIQ=="}]', ["Ada!"]),
    "1e300 for float32": ("floats", '"inputs": [1e300, -1e300]', [float("inf"), float("-inf")]),
    "Inf": ("floats", '"inputs": [Inf, -Inf]', [float("inf"), float("-inf")]),
    "duplicate key: the first wins": ("floats", '"inputs": [1.5], "inputs": [2.5]', [1.5]),
    "duplicate input: the first wins": ("floats", '"inputs": {"x": [1.5], "x": [2.5]}', [1.5]),
    "largest int32": ("whole", '"inputs": [2147483647, -2147483648]', [2147483647, -2147483648]),
}
REFUSED = {
    "int32 that overflows": ("whole", '"inputs": [2147483648]'),
    "int32 that underflows, by row": ("whole", '"instances": [-2147483649]'),
    "list nested 900 deep": ("floats", f'"inputs": {"[" * 900}1.0{"]" * 900}'),
    "complex64": ("complex", '"instances": [1]'),
    "OUT_OF_RANGE from the graph": ("end", '"inputs": [1.0]'),
    "FAILED_PRECONDITION from the graph": ("unset", '"inputs": [1.0]'),
    "1e400": ("double", '"inputs": [1e400]'),
    "float16": ("half", '"instances": [1.0]'),
    "bfloat16": ("brain", '"instances": [1.0]'),
    "uint16": ("short", '"instances": [1]'),
    "a signature without inputs": ("nothing", '"inputs": {}'),
    "an output that is an input": ("echo", '"inputs": [1.0]'),
    "unknown input in a row": ("floats", '"instances": [{"x": 1.0, "colour": 2.0}]'),
    "b64 with half of its padding": ("text", '"inputs": [{"b64": "QQ="}]'),
}


@pytest.mark.parametrize("signature, body, expected", OK.values(), ids=OK)
def test_rest_answers(corners, signature, body, expected):
    status, text = post(corners, signature, body)
    assert status == 200, text
    assert json.loads(text) == {"outputs": expected}


@pytest.mark.parametrize("signature, body", REFUSED.values(), ids=REFUSED)
def test_rest_refuses(corners, signature, body):
    status, text = post(corners, signature, body)
    assert status == 400, text
    assert json.loads(text, strict=False)["error"]


@pytest.mark.parametrize("signature", ["half", "brain", "short", "complex"])
def test_a_column_of_a_type_without_a_json_form_is_refused(corners, signature):
    assert post(corners, signature, '"inputs": [1]')[0] in (400, 501)


@pytest.mark.parametrize("signature, sent, text", [
    ("floats", "0.1", "0.1"), ("floats", "2", "2.0"), ("floats", "1e-7", "1e-07"), ("floats", "16777217.0", "16777216.0"),
    ("floats", "0.3333333333", "0.333333343"), ("double", "0.1", "0.1"),
    ("double", "0.3333333333333333", "0.33333333333333331"),
    ("long", "9223372036854775807", "9223372036854775807"), ("bool", "true", "true"),
])
def test_a_number_s_text(corners, signature, sent, text):
    assert "".join(post(corners, signature, f'"inputs": [{sent}]')[1].split()) == f'{{"outputs":[{text}]}}'


@pytest.mark.parametrize("encode", [
    lambda body: {"body": iter([body[:7], body[7:]]), "headers": {"Transfer-Encoding": "chunked"}, "chunked": True},
    lambda body: {"body": gzip.compress(body), "headers": {"Content-Encoding": "gzip"}},
], ids=["chunked", "gzip"])
def test_encoded_bodies(corners, encode):
    body = b'{"signature_name": "floats", "inputs": [1.5]}'
    status, _, content = request(corners, "POST", "/v1/models/corners:predict", **encode(body))
    assert (status, json.loads(content)) == (200, {"outputs": [1.5]})


def test_gzip_that_is_none_is_invalid(corners):
    status, *_ = request(corners, "POST", "/v1/models/corners:predict", b"{}", {"Content-Encoding": "gzip"})
    assert status == 400


# ---- other calls over REST -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, headers, status", [
    ("PUT", {}, 400), ("DELETE", {}, 400), ("HEAD", {}, 400), ("PATCH", {}, 400),
    ("OPTIONS", {"Origin": "http://shop.test"}, 200),
])
def test_other_methods(corners, method, headers, status):
    assert request(corners, method, "/v1/models/corners:predict", headers=headers)[0] == status


def test_metadata_has_no_fields_but_the_golden_file_s(corners):
    status, _, content = request(corners, "GET", "/v1/models/corners/metadata")
    answer = json.loads(content)
    assert status == 200 and set(answer) == {"model_spec", "metadata"}
    assert answer["model_spec"] == {"name": "corners", "signature_name": "", "version": str(VERSION)}
    assert set(answer["metadata"]) == {"signature_def"} and set(answer["metadata"]["signature_def"]) == {"signature_def"}
    found = answer["metadata"]["signature_def"]["signature_def"]["floats"]
    assert found["method_name"] == "tensorflow/serving/predict"
    x = found["inputs"]["x"]
    assert (x["dtype"], x["tensor_shape"]) == ("DT_FLOAT", {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False})


@pytest.mark.parametrize("path", [f"/v1/models/corners/versions/{VERSION}", f"/v1/models/corners/versions/0{VERSION}"])
def test_a_version_of_19_digits(corners, channel, path):
    status, _, content = request(corners, "GET", path)
    assert status == 200 and json.loads(content)["model_version_status"][0]["version"] == str(VERSION)
    assert predict(channel, "floats", [1.5], version={"value": VERSION}).model_spec.version.value == VERSION


def test_a_version_that_is_no_int64_is_invalid(corners):
    assert request(corners, "GET", f"/v1/models/corners/versions/{2 ** 63}")[0] == 400


# ---- gRPC ----------------------------------------------------------------------------------------------------------


def test_a_shape_that_the_graph_takes_is_answered(channel):
    response = predict(channel, "half_plus_two", [2.0, 4.0])
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [3.0, 4.0]


@pytest.mark.parametrize("signature, array, field", [
    ("floats", np.array([1.5, 2], np.float32), "float_val"), ("double", np.array([1.5, 2]), "double_val"),
    ("whole", np.array([3, 4], np.int32), "int_val"), ("long", np.array([3, 4]), "int64_val"),
    ("bool", np.array([True, False]), "bool_val"), ("text", np.array([b"a\0", b""], object), "string_val"),
    ("half", np.array([1.5, 2], np.float16), "half_val"), ("short", np.array([3, 4], np.uint16), "int_val"),
    ("complex", np.array([1 + 2j, 3], np.complex64), "scomplex_val"),
])
def test_outputs_have_their_values_one_by_one(channel, signature, array, field):
    output = predict(channel, signature, array).outputs["y"]
    assert len(getattr(output, field)) == (4 if field == "scomplex_val" else 2) and not output.tensor_content
    np.testing.assert_array_equal(tf.make_ndarray(output), array)


@pytest.mark.parametrize("signature, code", [
    ("end", CODES.OUT_OF_RANGE), ("unset", CODES.FAILED_PRECONDITION), ("echo", CODES.INVALID_ARGUMENT)])
def test_codes_of_the_graph(channel, signature, code):
    with pytest.raises(grpc.RpcError) as raised:
        predict(channel, signature, np.array([1.0], np.float32))
    assert raised.value.code() == code


def test_a_label_is_not_looked_at_in_the_status(channel):
    asked = get_model_status_pb2.GetModelStatusRequest(model_spec=model_pb2.ModelSpec(name="corners", version_label="none"))
    status, = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(asked, timeout=20).model_version_status
    assert status.version == VERSION


@pytest.mark.parametrize("service", ["", "PredictionService", "ModelService"])
def test_health_knows_services_without_their_package(corners, channel, service):
    if not corners.local:
        pytest.skip("ModelServer answers health checks where --enable_grpc_healthcheck_service is set")
    check = health_pb2_grpc.HealthStub(channel).Check
    assert check(health_pb2.HealthCheckRequest(service=service), timeout=20).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as raised:
        check(health_pb2.HealthCheckRequest(service="tensorflow.serving.PredictionService"), timeout=20)
    assert raised.value.code() == CODES.NOT_FOUND


# ---- configurations ------------------------------------------------------------------------------------------------


def test_older_forms_of_a_configuration_are_taken(start, tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    with start({"scorer": base}, tmp_path) as server, grpc.insecure_channel(server.target) as channel:
        change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        asked = model_management_pb2.ReloadConfigRequest()
        config = asked.config.model_config_list.config.add(name="scorer", base_path=f"file://{base}", model_type=1)
        assert change(asked, timeout=20).status.error_code == 0
        with RankingClient(server.target, "scorer", toy_bound()) as client:
            assert client.wait_until_ready() == 1
            # A policy that names no version serves none.
            config.model_version_policy.specific.SetInParent()
            assert change(asked, timeout=20).status.error_code == 0
            wait_for(lambda: [status.state for status in client.model_status()] == ["END"])
