"""Answers and status codes of the gRPC protocol, on both servers."""

from __future__ import annotations

import dataclasses

import grpc
import numpy as np
import pytest

from serving.encoding import encode_requests, to_tensor_proto
from serving.protocol import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    tensor_pb2,
)
from tests.toy import toy_bound, toy_requests, toy_schema
from zoo.data.example import to_example
from zoo.keras import tf

CODES = grpc.StatusCode


@pytest.fixture(scope="module")
def channel(server):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.target, options) as channel:
        yield channel


@pytest.fixture(scope="module")
def predict(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict


def message(name="scorer", signature="rank", inputs=None, **spec):
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name, signature_name=signature, **spec))
    encoded = encode_requests(toy_schema(), toy_requests(2)).inputs if inputs is None else inputs
    for key, value in encoded.items():
        request.inputs[key].CopyFrom(value if isinstance(value, tensor_pb2.TensorProto) else to_tensor_proto(value))
    return request


def error_of(call, request) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=20)
    return raised.value.code(), raised.value.details()


def test_the_answer_names_the_model_version_and_signature_that_gave_it(predict):
    response = predict(message(), timeout=20)
    assert response.model_spec.name == "scorer"
    assert response.model_spec.version.value == 7
    assert response.model_spec.signature_name == "rank"
    prices = encode_requests(toy_schema(), toy_requests(2)).inputs["candidate_price"]
    np.testing.assert_allclose(tf.make_ndarray(response.outputs["click"]), 7 + prices / 1000, rtol=1e-6)


def test_the_empty_signature_name_means_serving_default(predict):
    examples = np.array([to_example(toy_schema(), toy_requests(1)[0])], object)
    response = predict(message(signature="", inputs={"examples": examples}), timeout=20)
    assert response.model_spec.signature_name == "serving_default"


def test_output_filter_gives_just_those_outputs(predict):
    request = message(signature="two_outputs", inputs={"name": np.array([b"a"], object),
                                                       "value": np.array([2.0], np.float32)})
    request.output_filter.append("double")
    response = predict(request, timeout=20)
    assert list(response.outputs) == ["double"]
    assert tf.make_ndarray(response.outputs["double"]).tolist() == [4.0]


@pytest.mark.parametrize("filter_", [["nothing"], ["double", "double"]])
def test_an_unknown_or_doubled_output_is_invalid(predict, filter_):
    request = message(signature="two_outputs", inputs={"name": np.array([b"a"], object),
                                                       "value": np.array([2.0], np.float32)})
    request.output_filter.extend(filter_)
    code, details = error_of(predict, request)
    assert code == CODES.INVALID_ARGUMENT and filter_[0] in details


@pytest.mark.parametrize("request_, code, words", [
    (message(name="unknown"), CODES.NOT_FOUND, "Servable not found for request: Latest(unknown)"),
    (message(version={"value": 99}), CODES.NOT_FOUND, "Servable not found for request: Specific(scorer, 99)"),
    (message(version_label="canary"), CODES.INVALID_ARGUMENT, "Unrecognized servable version label: canary"),
    (message(signature="score"), CODES.FAILED_PRECONDITION, 'Serving signature key "score" not found'),
    (message(name=""), CODES.INVALID_ARGUMENT, ""),
    (predict_pb2.PredictRequest(), CODES.INVALID_ARGUMENT, ""),
], ids=["model", "version", "label", "signature", "no-name", "empty"])
def test_what_is_not_there_has_model_servers_code_and_words(predict, request_, code, words):
    assert error_of(predict, request_)[0] == code
    assert words in error_of(predict, request_)[1]


def changed(column, value):
    inputs = dict(encode_requests(toy_schema(), toy_requests(2)).inputs)
    if value is None:
        del inputs[column]
    else:
        inputs[column] = value
    return message(name="din", inputs=inputs)


@pytest.mark.parametrize("column, value", [
    ("candidate_price", None),
    ("candidate_prize", np.zeros((2, 3), np.float32)),
    ("candidate_price", np.full((2, 6), b"12.5", object)),
    ("candidate_price", np.zeros((2, 6), np.float64)),
    ("candidate_item", np.zeros((2, 6), np.float32)),
    ("history_length", np.zeros((2, 1, 1), np.int64)),
    ("user_id", np.full((1, 2, 2), b"u1", object)),
    ("candidate_count", np.array([10**6, 1], np.int64)),
    ("candidate_count", np.array([0, 1], np.int64)),
    ("candidate_count", np.array([-3, 1], np.int64)),
    ("history_length", np.array([10**6, 1], np.int64)),
], ids=["missing", "unexpected", "string-for-float", "double-for-float", "float-for-string", "rank-3", "rank-3-string",
        "count-above-width", "no-candidates", "negative-count", "length-above-width"])
def test_wrong_inputs_are_invalid(predict, column, value):
    code, details = error_of(predict, changed(column, value))
    assert code == CODES.INVALID_ARGUMENT, details
    assert details


def test_missing_and_unexpected_inputs_are_named(predict):
    inputs = dict(encode_requests(toy_schema(), toy_requests(1)).inputs)
    inputs["candidate_prize"] = inputs.pop("candidate_price")
    inputs["colour"] = inputs["user_id"]
    code, details = error_of(predict, message(inputs=inputs))
    assert code == CODES.INVALID_ARGUMENT
    assert "candidate_prize" in details and "candidate_price" in details and "colour" in details


def test_an_assertion_in_the_graph_keeps_its_code_and_message(predict):
    inputs = dict(encode_requests(toy_schema(), toy_requests(1)).inputs)
    inputs["candidate_price"] = -np.ones_like(inputs["candidate_price"])
    code, details = error_of(predict, message(inputs=inputs))
    assert code == CODES.INVALID_ARGUMENT and "a price is negative" in details


def test_a_refused_call_leaves_the_next_one_unharmed(predict):
    before = predict(message(name="din"), timeout=20).outputs["click"]
    error_of(predict, changed("candidate_price", None))
    assert predict(message(name="din"), timeout=20).outputs["click"] == before


def test_metadata_holds_the_signatures(channel):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=model_pb2.ModelSpec(name="din"),
                                                             metadata_field=["signature_def"])
    response = stub.GetModelMetadata(request, timeout=20)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    assert response.model_spec.version.value == 1
    assert {"serving_default", "rank", "encode_request", "encode_candidates"} <= set(signatures.signature_def)
    assert signatures.signature_def["rank"].inputs["candidate_item"].dtype == tf.string.as_datatype_enum


@pytest.mark.parametrize("fields", [[], ["weights"]])
def test_other_metadata_is_invalid(channel, fields):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=model_pb2.ModelSpec(name="din"),
                                                             metadata_field=fields)
    assert error_of(stub.GetModelMetadata, request)[0] == CODES.INVALID_ARGUMENT


def test_status_of_models_and_versions(channel):
    stub = model_service_pb2_grpc.ModelServiceStub(channel)

    def request(name, **spec):
        return get_model_status_pb2.GetModelStatusRequest(model_spec=model_pb2.ModelSpec(name=name, **spec))

    status, = stub.GetModelStatus(request("scorer"), timeout=20).model_version_status
    assert (status.version, status.state, status.status.error_code) == (
        7, get_model_status_pb2.ModelVersionStatus.AVAILABLE, 0)
    assert error_of(stub.GetModelStatus, request("unknown"))[0] == CODES.NOT_FOUND
    assert error_of(stub.GetModelStatus, request("scorer", version={"value": 99}))[0] == CODES.NOT_FOUND
    assert error_of(stub.GetModelStatus, get_model_status_pb2.GetModelStatusRequest())[0] == CODES.INVALID_ARGUMENT


def test_rank_and_serving_default_agree_with_the_model_in_process(server, din_path):
    requests = toy_requests(5)
    loaded = tf.saved_model.load(str(din_path / "1"))
    examples = [to_example(toy_bound(), request) for request in requests]
    expected = loaded.signatures["serving_default"](examples=tf.constant(examples))["click"].numpy()
    with server.client("din") as client:
        served = client.score_examples(examples)["click"]
        ranked = client.rank([dataclasses.replace(request, labels={}) for request in requests])
    np.testing.assert_allclose(served, expected, atol=1e-6)
    for row, ranking in enumerate(ranked):
        np.testing.assert_allclose(ranking.scores["click"], expected[row, :requests[row].candidate_count], atol=1e-6)
