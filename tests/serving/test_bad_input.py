"""Whatever is sent, the local server answers, and answers the next call as before."""

from __future__ import annotations

import json
import socket

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.encoding import encode_requests
from serving.protocol import messages
from serving.server import LocalModelServer
from serving.server.protocol import model_pb2, predict_pb2, prediction_service_pb2_grpc, tensor_pb2
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_requests, toy_schema
from zoo.keras import tf

METHOD = "/tensorflow.serving.PredictionService/Predict"
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def local(din_path, tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 1)
    with LocalModelServer({"scorer": base, "din": din_path}, poll_seconds=600) as server:
        yield server


@pytest.fixture(scope="module")
def channel(local):
    with grpc.insecure_channel(local.target) as channel:
        yield channel


@pytest.fixture(autouse=True)
def still_answers(channel):
    """Runs after every test here: the server must give the same answer as ever."""
    yield
    response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(good(), timeout=20)
    assert tf.make_ndarray(response.outputs["click"]).shape == (1, 2)


def good(name="din"):
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name, signature_name="rank"))
    for key, value in encode_requests(toy_schema(), toy_requests(1, candidates=2)).inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def code_of(channel, request):
    try:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=20)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def tensor(dtype=tf.float32, shape=(1, 2), **values):
    proto = tensor_pb2.TensorProto(dtype=dtype if isinstance(dtype, int) else dtype.as_datatype_enum, **values)
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto


@pytest.mark.parametrize("proto", [
    tensor(dtype=0), tensor(dtype=12345), tensor(dtype=tf.string, string_val=[b"1", b"2"]),
    tensor(dtype=tf.resource), tensor(dtype=tf.variant), tensor_pb2.TensorProto(),
    tensor(tensor_content=b"\x00" * 7), tensor(tensor_content=b"\x00" * 800), tensor(shape=(-1, 2)),
    tensor(shape=(1, -2), float_val=[1.0]), tensor(shape=(1, 1 << 40), float_val=[1.0]),
    tensor(shape=(1 << 62, 1 << 62), float_val=[1.0]), tensor(shape=(), float_val=[1.0]),
    tensor(shape=(1,) * 300, float_val=[1.0]), tensor(shape=(1, 26_000_000), float_val=[1.0]),
    tensor(shape=(1, 2), string_val=[b"a", b"b"], int_val=[1]),
], ids=["invalid", "unknown-dtype", "string", "resource", "variant", "empty", "short-content", "long-content",
        "negative", "negative-2", "huge", "overflow", "scalar", "rank-300", "filled", "other-values"])
def test_tensors_that_are_none(channel, proto):
    request = good()
    request.inputs["candidate_price"].CopyFrom(proto)
    # No value at all fills the shape with zeros in TensorFlow's own parser, so the last of them is answered.
    expected = grpc.StatusCode.OK if proto.int_val else grpc.StatusCode.INVALID_ARGUMENT
    assert code_of(channel, request) == expected


def test_an_unknown_rank_is_invalid(channel):
    request = good()
    request.inputs["candidate_price"].tensor_shape.unknown_rank = True
    assert code_of(channel, request) == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("appended", [
    tensor(tf.string, (26_000_000,)).SerializeToString(), b"\x12", b"\x42\x7fshort", b"\xff\xff"],
    ids=["a-further-dimension", "no-length", "too-long", "no-tag"])
def test_what_stands_behind_a_tensor_is_read_as_well(channel, appended):
    request = good()
    items = request.inputs["candidate_item"].SerializeToString() + appended
    sent = messages.UnreadPredictRequest.FromString(request.SerializeToString())
    sent.inputs["candidate_item"] = items
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(sent.SerializeToString(), timeout=20)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "candidate_item" in error.value.details()


def test_string_content_that_is_no_strings_is_invalid(channel):
    request = good()
    request.inputs["candidate_item"].CopyFrom(tensor(tf.string, tensor_content=b"zzzzzz"))
    assert code_of(channel, request) == grpc.StatusCode.INVALID_ARGUMENT


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes_over_grpc(channel, data):
    try:
        channel.unary_unary(METHOD)(data, timeout=20)
    except grpc.RpcError as error:
        assert error.code() != grpc.StatusCode.UNAVAILABLE


@QUIET
@given(st.data())
def test_a_request_with_bytes_changed(channel, data):
    serialized = bytearray(good().SerializeToString())
    for _ in range(data.draw(st.integers(1, 6))):
        serialized[data.draw(st.integers(0, len(serialized) - 1))] = data.draw(st.integers(0, 255))
    try:
        channel.unary_unary(METHOD)(bytes(serialized), timeout=20)
    except grpc.RpcError as error:
        assert error.code() != grpc.StatusCode.UNAVAILABLE


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["inputs", "instances", "signature_name", "examples", "b64", "name", "value"]),
                        inner, max_size=4), max_leaves=12)


@pytest.mark.slow
@QUIET
@given(JSON, st.sampled_from(["rank", "serving_default", "two_outputs"]))
def test_any_json(local, value, signature):
    for body in (value, {"inputs": value, "signature_name": signature}, {"instances": value}):
        status, answer = post(local, json.dumps(body).encode())
        assert status in (200, 400), answer
        assert ("error" in answer) == (status == 400)


@QUIET
@given(st.binary(max_size=200))
def test_any_body(local, body):
    status, answer = post(local, body)
    assert status == 400 and answer["error"]


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 400])
def test_numbers_out_of_range(local, number):
    body = f'{{"signature_name": "two_outputs", "inputs": {{"name": ["a"], "value": [{number}]}}}}'.encode()
    status, answer = post(local, body)
    assert status == 400 and ("too big" in answer["error"] or "out of the range of float32" in answer["error"])


def test_deep_json(local):
    assert post(local, b'{"instances":' + b"[" * 100_000 + b"]" * 100_000 + b"}")[0] == 400


@pytest.mark.parametrize("data", [
    b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/models/scorer:predict HTTP/1.1\r\n\r\n",
    b"POST /v1/models/scorer:predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST /v1/models/scorer:predict HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET /v1/models/%00%ff HTTP/1.1\r\n\r\n",
    b"DELETE /v1/models/scorer HTTP/1.1\r\n\r\n",
])
def test_http_that_is_none(local, data):
    with socket.create_connection((local.address, local.rest_port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 200 " not in received.split(b"\r\n")[0]


def post(server, body):
    """(status, JSON) by a plain connection, which sends any bytes."""
    import http.client

    connection = http.client.HTTPConnection(server.address, server.rest_port, timeout=30)
    connection.request("POST", "/v1/models/scorer:predict", body)
    response = connection.getresponse()
    status, answer = response.status, json.loads(response.read())
    connection.close()
    return status, answer


def test_a_hundred_thousand_candidates_in_one_call_are_refused_by_the_model_with_the_remedy(channel):
    schema = toy_bound()
    request = good()
    encoded = encode_requests(schema, toy_requests(1, candidates=100_000)).inputs
    for key, value in encoded.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    with pytest.raises(grpc.RpcError) as raised:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "at most 500 candidates; send more in several calls" in raised.value.details()
    assert len(raised.value.details()) < 2100


def test_a_hundred_thousand_candidates_in_one_call_are_scored_where_the_model_takes_them(channel):
    request = good("scorer")
    for key, value in encode_requests(toy_schema(), toy_requests(1, candidates=100_000)).inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert tf.make_ndarray(response.outputs["click"]).shape == (1, 100_000)


def test_classify_is_not_offered(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Classify")
    with pytest.raises(grpc.RpcError) as raised:
        call(b"", timeout=20)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


# ---- health and ports ----------------------------------------------------------------------------------------------


def test_health_says_whether_every_model_answers(tmp_path):
    base = tmp_path / "scorer"
    base.mkdir()
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server, \
            grpc.insecure_channel(server.target) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest(), timeout=20).status == health_pb2.HealthCheckResponse.NOT_SERVING
        write_version(base, 1)
        server.manager.refresh()
        assert check(health_pb2.HealthCheckRequest(), timeout=20).status == health_pb2.HealthCheckResponse.SERVING


def test_a_taken_port_is_refused_and_names_itself(local, tmp_path):
    for ports in ({"port": local.port, "rest_port": 0}, {"port": 0, "rest_port": local.rest_port}):
        with pytest.raises(OSError, match=f"{local.address}:{max(ports.values())}.*Address already in use"):
            LocalModelServer({"m": tmp_path}, **ports)
