"""The client: what it sends, what it tries again, and what it says."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from concurrent import futures

import grpc
import numpy as np
import pytest

from serving.client import RankingClient
from serving.errors import (
    BadRequestError,
    DeadlineError,
    ModelNotFoundError,
    ServerBusyError,
    ServerFailureError,
    ServerSettingsError,
    ServerUnavailableError,
    ServingError,
    SignatureError,
)
from serving.server import LocalModelServer, ModelSpec, VersionPolicy
from serving.server.protocol import predict_pb2, prediction_service_pb2_grpc
from tests.serving.conftest import free_port
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_request, toy_requests, toy_schema
from zoo.data.request import RequestError
from zoo.keras import tf
from zoo.traits import Traits

CODES = grpc.StatusCode


class ScriptedService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers with the given status codes in turn, or (code, words) (None: an answer), then with scores in a padded width."""

    def __init__(self, codes=(), seconds=0.0):
        self.codes, self.seconds, self.requests, self.metadata = list(codes), seconds, [], []

    def Predict(self, request, context):
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        time.sleep(self.seconds)
        code = self.codes.pop(0) if self.codes else None
        if code:
            context.abort(*(code if isinstance(code, tuple) else (code, "as the test wants it")))
        rows, width = (dim.size for dim in request.inputs["candidate_item"].tensor_shape.dim)
        scores = np.arange(rows * (width + 3), dtype=np.float32).reshape(rows, width + 3)
        response = predict_pb2.PredictResponse()
        response.model_spec.version.value = 4
        response.outputs["click"].CopyFrom(tf.make_tensor_proto(scores))
        return response


@contextlib.contextmanager
def scripted(*codes, seconds=0.0, **options):
    service = ScriptedService(codes, seconds)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with RankingClient(f"127.0.0.1:{port}", "m", toy_bound(), **({"deadline_s": 20.0} | options)) as client:
            yield client, service
    finally:
        server.stop(0).wait()


REQUEST = toy_requests(1)[0]


# ---- retries and the deadline --------------------------------------------------------------------------------------


def test_unavailable_is_tried_again():
    with scripted(CODES.UNAVAILABLE, CODES.UNAVAILABLE) as (client, service):
        assert client.rank_one(REQUEST).version == 4
        assert len(service.requests) == 3


def test_attempts_are_limited():
    with scripted(*[CODES.UNAVAILABLE] * 9, max_attempts=3) as (client, service):
        with pytest.raises(ServerUnavailableError, match="3 attempts"):
            client.rank_one(REQUEST)
        assert len(service.requests) == 3


@pytest.mark.parametrize("code, error", [
    (CODES.INVALID_ARGUMENT, BadRequestError), (CODES.NOT_FOUND, ModelNotFoundError),
    (CODES.FAILED_PRECONDITION, SignatureError), (CODES.RESOURCE_EXHAUSTED, ServerUnavailableError),
    (CODES.INTERNAL, ServerFailureError), (CODES.UNKNOWN, ServerFailureError), (CODES.ABORTED, ServerFailureError),
    (CODES.DEADLINE_EXCEEDED, DeadlineError),
])
def test_nothing_else_is_tried_again(code, error):
    with scripted(code) as (client, service):
        with pytest.raises(error) as raised:
            client.rank_one(REQUEST)
        assert len(service.requests) == 1
    assert raised.value.code == code and raised.value.details == "as the test wants it"
    for part in (client.target, "model 'm'", "signature 'rank'", code.name, "as the test wants it", ";"):
        assert part in str(raised.value)


# What ModelServer 2.16 says where its batching or its thread pool refuses a call.
NO_PADDING = ("Tensors with name 'rank_candidate_item:0' from different tasks have different shapes and padding is turned off. "
              "Set pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal dimensions "
              "starting with the first dim.")
TOO_LARGE = "Task size 64 is larger than maximum input batch size 16"
NO_ROWS = "Batching Session Run() input tensors must have equal 0th-dimension size"
NO_THREAD = "Server Threadpool Exhausted"
QUEUE_FULL = "The batch scheduling queue to which this task was submitted is full; currently 100 tasks are in it"


@pytest.mark.parametrize("code, words, setting", [
    (CODES.FAILED_PRECONDITION, NO_PADDING, "pad_variable_length_inputs: true"),
    (CODES.INVALID_ARGUMENT, NO_PADDING, "pad_variable_length_inputs: true"),
    (CODES.INVALID_ARGUMENT, TOO_LARGE, "max_batch_size"), (CODES.INVALID_ARGUMENT, NO_ROWS, "--enable_batching"),
])
def test_what_the_server_s_batching_refuses_names_its_setting_and_is_not_tried_again(code, words, setting):
    with scripted((code, words)) as (client, service):
        with pytest.raises(ServerSettingsError, match=setting) as raised:
            client.rank_one(REQUEST)
        assert len(service.requests) == 1
    assert "export" not in str(raised.value) and "schema" not in str(raised.value)
    assert raised.value.code == code and raised.value.details == words


@pytest.mark.parametrize("code, words, setting", [
    (CODES.RESOURCE_EXHAUSTED, NO_THREAD, "--grpc_max_threads"), (CODES.UNAVAILABLE, QUEUE_FULL, "max_enqueued_batches"),
])
def test_a_server_without_room_is_tried_again_and_names_its_setting(code, words, setting):
    with scripted((code, words), (code, words)) as (client, service):
        assert client.rank_one(REQUEST).version == 4
        assert len(service.requests) == 3
    with scripted(*[(code, words)] * 9, max_attempts=2) as (client, service):
        with pytest.raises(ServerBusyError, match=f"{setting}.*2 attempts"):
            client.rank_one(REQUEST)


def test_the_same_words_under_another_code_say_nothing():
    with scripted((CODES.INTERNAL, TOO_LARGE)) as (client, _), pytest.raises(ServerFailureError, match="the server's log"):
        client.rank_one(REQUEST)


def test_a_client_with_a_label_waits_for_the_version_that_has_it(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    write_version(base, 2)
    spec = ModelSpec("scorer", base, VersionPolicy(all=True), {"stable": 1})
    with LocalModelServer({"scorer": spec}) as server:
        for options, version in (({}, 2), ({"label": "stable"}, 1)):
            with RankingClient(server.target, "scorer", toy_bound(), **options) as client:
                assert client.wait_until_ready(20) == version
        with RankingClient(server.target, "scorer", toy_bound(), label="canary") as client:
            with pytest.raises(DeadlineError, match="canary"):
                client.wait_until_ready(0.3)


def test_the_deadline_holds_for_all_attempts_together():
    with scripted(*[CODES.UNAVAILABLE] * 1000, deadline_s=0.5, max_attempts=1000) as (client, service):
        with pytest.raises(ServerUnavailableError):
            client.rank_one(REQUEST)
        assert 1 < len(service.requests) < 100


def test_the_deadline_holds_for_all_calls_together():
    wide = toy_request(np.random.default_rng(0), toy_bound(), candidates=5000)
    with scripted(seconds=0.3, deadline_s=0.5, max_call_candidates=500) as (client, service):
        with pytest.raises(DeadlineError, match="raise deadline_s"):
            client.rank_one(wide)
        assert len(service.requests) < 5


def test_nobody_there_says_where_and_what_to_do():
    target = f"127.0.0.1:{free_port()}"
    with RankingClient(target, "din", toy_bound(), deadline_s=1.0, max_attempts=2) as client:
        with pytest.raises(ServerUnavailableError, match=f"{target}.*is the server running"):
            client.rank_one(REQUEST)


def test_a_server_that_comes_up_late_is_waited_for(tmp_path):
    base, port, late = tmp_path / "scorer", free_port(), []
    write_version(base, 1)

    def come_up():
        late.append(LocalModelServer({"scorer": base}, port=port).start())

    timer = threading.Timer(0.7, come_up)
    with RankingClient(f"127.0.0.1:{port}", "scorer", toy_bound(), deadline_s=30.0, max_attempts=100) as client:
        timer.start()
        try:
            assert client.rank_one(REQUEST).version == 1
        finally:
            timer.join()
            late[0].stop()


def test_waiting_for_a_model_that_never_comes_says_what_was_seen(server):
    with server.client("unknown") as client, pytest.raises(DeadlineError, match="Could not find any versions"):
        client.wait_until_ready(timeout_s=0.3)


# ---- batching and splitting ----------------------------------------------------------------------------------------


def test_scores_do_not_depend_on_who_shares_the_call(server):
    requests = toy_requests(12) + [toy_requests(1, candidates=40)[0], toy_requests(1, history=0, candidates=1)[0]]
    with server.client("din") as client:
        together = client.rank(requests)
        alone = [client.rank_one(request) for request in requests]
    with server.client("din", max_batch=3) as client:
        in_threes = client.rank(requests)
    for one, other, third in zip(together, alone, in_threes, strict=True):
        assert len(one.scores["click"]) == one.request.candidate_count
        np.testing.assert_allclose(one.scores["click"], other.scores["click"], atol=1e-6)
        np.testing.assert_allclose(third.scores["click"], other.scores["click"], atol=1e-6)


def test_many_requests_share_a_call_up_to_the_limits():
    requests = toy_requests(10, candidates=4)
    with scripted() as (client, service):
        client.rank(requests)
        assert [call.inputs["candidate_item"].tensor_shape.dim[0].size for call in service.requests] == [10]
    with scripted(max_batch=4) as (client, service):
        client.rank(requests)
        assert [call.inputs["candidate_item"].tensor_shape.dim[0].size for call in service.requests] == [4, 4, 2]
    with scripted(max_call_candidates=12) as (client, service):
        client.rank(requests)
        assert [call.inputs["candidate_item"].tensor_shape.dim[0].size for call in service.requests] == [3, 3, 3, 1]


LISTWISE = Traits(stage="rerank", scores="listwise")


def test_a_list_that_is_ranked_as_a_whole_is_never_split():
    wide = toy_request(np.random.default_rng(1), toy_bound(), candidates=500)
    with scripted(traits=LISTWISE, max_call_candidates=10) as (client, service):
        first, second = client.rank([wide, toy_requests(1, candidates=2)[0]])
    assert len(first.scores["click"]) == 500 and len(second.scores["click"]) == 2
    assert [call.inputs["candidate_item"].tensor_shape.dim[1].size for call in service.requests] == [500, 2]


def test_a_list_too_long_to_be_ranked_as_a_whole_is_refused():
    long = toy_request(np.random.default_rng(1), toy_bound(), candidates=501, name="long")
    with scripted(traits=LISTWISE) as (client, service):
        with pytest.raises(RequestError, match="'long': 501 candidates, but model 'm' takes at most 500.*send fewer"):
            client.rank([REQUEST, long])
        assert service.requests == []
    with scripted() as (client, service):
        assert client.rank_one(long).scores["click"].shape == (501,)
        assert [call.inputs["candidate_item"].tensor_shape.dim[0].size for call in service.requests] == [2]


def test_a_client_reads_schema_and_traits_of_an_exported_model(server, tmp_path):
    model = write_version(tmp_path / "scorer", 7)
    with RankingClient.of_model(server.target, "scorer", tmp_path / "scorer", deadline_s=20.0) as client:
        assert (client.schema, client.traits, client.deadline_s) == (toy_schema(), Traits(), 20.0)
        assert client.rank_one(REQUEST).version == 7
    (model / "assets.extra" / "model.yaml").write_text("name: x\ntraits: {stage: rerank, scores: listwise}\n")
    with RankingClient.of_model(server.target, "scorer", tmp_path / "scorer") as client:
        assert client.traits == LISTWISE


def test_no_requests_need_no_call():
    with scripted() as (client, service):
        assert client.rank([]) == []
        assert service.requests == []


def test_padding_that_the_server_gives_back_is_cut_off():
    requests = [toy_requests(1, candidates=count)[0] for count in (2, 5)]
    with scripted() as (client, _):
        first, second = client.rank(requests)
    assert first.scores["click"].tolist() == [0, 1]
    assert second.scores["click"].tolist() == [8, 9, 10, 11, 12]


def test_a_hundred_thousand_candidates_are_split_and_joined(server):
    request = toy_request(np.random.default_rng(1), toy_bound(), candidates=100_000)
    with server.client("din", deadline_s=120.0) as client:
        scores = client.rank_one(request).scores["click"]
        assert scores.shape == (100_000,)
        for start in (0, 499, 50_123, 99_990):
            part = {name: values[start:start + 10] for name, values in request.candidates.items()}
            alone = client.rank_one(dataclasses.replace(request, candidates=part, labels={}))
            np.testing.assert_allclose(scores[start:start + 10], alone.scores["click"], atol=1e-6)


def test_the_parts_of_a_split_request_go_to_one_version():
    request = toy_request(np.random.default_rng(1), toy_bound(), candidates=1500)
    with scripted(max_call_candidates=500) as (client, service):
        client.rank_one(request)
    assert [call.model_spec.version.value for call in service.requests] == [0, 4, 4]


def test_a_version_that_goes_between_the_parts_starts_them_anew():
    request = toy_request(np.random.default_rng(1), toy_bound(), candidates=1500)
    with scripted(None, CODES.NOT_FOUND, max_call_candidates=500) as (client, service):
        assert client.rank_one(request).scores["click"].shape == (1500,)
        assert [call.model_spec.version.value for call in service.requests] == [0, 4, 0, 4, 4]


# ---- results and checks --------------------------------------------------------------------------------------------


def test_ranked_candidates_are_sorted_with_their_features(server):
    with server.client("din") as client:
        ranking = client.rank_one(toy_requests(1, candidates=30)[0])
    ranked = ranking.ranked()
    assert [candidate.rank for candidate in ranked] == list(range(1, 31))
    assert sorted(candidate.index for candidate in ranked) == list(range(30))
    assert all(one.score >= other.score for one, other in zip(ranked, ranked[1:], strict=False))
    best = ranked[0]
    assert best.features["item"] == ranking.request.candidates["item"][best.index]
    with pytest.raises(ServingError, match="valid: click|did you mean"):
        ranking.ranked("conversion")


def test_a_long_history_is_cut_and_reported(server):
    long = toy_requests(1, history=20, candidates=4)[0]
    recent = dataclasses.replace(long, sequences={"history": {k: v[-8:] for k, v in long.sequences["history"].items()}})
    with server.client("din") as client:
        ranking, expected = client.rank([long, recent])
    assert ranking.truncated == {"history": 12} and expected.truncated == {}
    np.testing.assert_allclose(ranking.scores["click"], expected.scores["click"], atol=1e-6)


@pytest.mark.parametrize("change, message", [
    ({"features": {"user_id": "u1", "hour": 3.0, "colour": "red"}}, "unknown feature 'colour'"),
    ({"candidates": {"item": [], "category": [], "price": [], "image": []}}, "no candidates"),
    ({"candidates": {"item": ["i1"], "category": ["c1"], "price": ["cheap"], "image": [[0, 0, 0]]}},
     "'candidate_price' holds numbers; got 'cheap'"),
])
def test_a_request_that_does_not_fit_is_not_sent(change, message):
    with scripted() as (client, service):
        with pytest.raises(RequestError, match=message):
            client.rank([REQUEST, dataclasses.replace(REQUEST, **change)])
        assert service.requests == []


def test_unknown_and_missing_ids_are_scored(server):
    request = dataclasses.replace(
        REQUEST, features={"user_id": "", "hour": 3.0},
        sequences={"history": {"item": [], "category": [], "gap": []}},
        candidates={"item": ["never seen", ""], "category": ["", "?"], "price": [1.0, 2.0],
                    "image": [[0.0, 0.0, 0.0]] * 2}, labels={})
    with server.client("din") as client:
        assert np.isfinite(client.rank_one(request).scores["click"]).tolist() == [True, True]


def test_errors_of_a_real_server_are_told_apart(server):
    for error, options in ((ModelNotFoundError, {"name": "unknown"}), (ModelNotFoundError, {"version": 99}),
                           (BadRequestError, {"label": "canary"}), (SignatureError, {"signature": "score"})):
        with server.client(**options) as client, pytest.raises(error, match=server.target):
            client.rank_one(REQUEST)


def test_version_and_label_exclude_each_other():
    with pytest.raises(ServingError, match="not both"):
        RankingClient("127.0.0.1:1", "m", toy_bound(), version=1, label="stable")


@pytest.mark.parametrize("options, message", [
    ({"max_attempts": 0}, "max_attempts is 0; expected at least 1"), ({"max_batch": 0}, "max_batch is 0"),
    ({"max_call_candidates": 0}, "max_call_candidates is 0"), ({"version": -1}, "version is -1; expected at least 0"),
    ({"deadline_s": 0}, "deadline_s is 0; expected seconds, more than 0"), ({"deadline_s": -1.0}, "deadline_s is -1"),
    ({"deadline_s": float("nan")}, "deadline_s is nan"), ({"deadline_s": float("inf")}, "deadline_s is inf"),
])
def test_limits_out_of_their_range_are_refused(options, message):
    with pytest.raises(ServingError, match=message):
        RankingClient("127.0.0.1:1", "m", toy_bound(), **options)


def test_status_and_signatures(server):
    with server.client() as client:
        assert client.wait_until_ready(20) == 7
        assert client.model_status() == [(7, "AVAILABLE", "")]
        assert {"rank", "serving_default", "two_outputs"} <= set(client.signatures())
