"""The client's own messages: the public protocol's names and numbers, without TensorFlow and beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.protocol import messages
from serving.protocol.declare import file_of
from serving.server import LocalModelServer
from serving.server.protocol import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2, tensor_pb2
from tests.serving.models import write_version
from tests.toy import toy_requests, toy_schema
from zoo.data.request_json import request_to_json

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("own, public", [
    (messages.TensorProto, tensor_pb2.TensorProto),
    (messages.ModelSpec, model_pb2.ModelSpec),
    (messages.PredictRequest, predict_pb2.PredictRequest), (messages.PredictResponse, predict_pb2.PredictResponse),
    (messages.GetModelStatusRequest, get_model_status_pb2.GetModelStatusRequest),
    (messages.GetModelStatusResponse, get_model_status_pb2.GetModelStatusResponse),
    (messages.GetModelMetadataRequest, get_model_metadata_pb2.GetModelMetadataRequest),
    (messages.GetModelMetadataResponse, get_model_metadata_pb2.GetModelMetadataResponse),
    (messages.SignatureDefMap, get_model_metadata_pb2.SignatureDefMap),
], ids=lambda message: message.DESCRIPTOR.name)
def test_every_field_is_the_public_protocol_s(own, public):
    same_fields(own.DESCRIPTOR, public.DESCRIPTOR, seen=set())


def same_fields(own, public, seen):
    """All fields of `own`, and those of the messages in them, are fields of `public`: the bytes mean the same."""
    assert own.full_name == public.full_name and own.GetOptions().map_entry == public.GetOptions().map_entry
    if own.full_name in seen:
        return
    seen.add(own.full_name)
    for field in own.fields:
        other = public.fields_by_name[field.name]
        enum = other.type == other.TYPE_ENUM
        assert (field.number, field.label) == (other.number, other.label), field.full_name
        assert field.type == (field.TYPE_INT32 if enum else other.type), field.full_name
        choice = field.containing_oneof, other.containing_oneof
        assert [one and one.name for one in choice] == [choice[0] and choice[0].name] * 2, field.full_name
        if field.message_type:
            same_fields(field.message_type, other.message_type, seen)


def test_states_are_the_public_protocol_s():
    assert messages.STATES == {number: name for name, number in get_model_status_pb2.ModelVersionStatus.State.items()}


@pytest.mark.parametrize("line", ["string name", "string = 1", "optional string name = 1", "map<int64, string> m = 1"])
def test_a_line_that_is_no_field_is_refused(line):
    with pytest.raises(ValueError, match="shop.Item: not a field of proto3"):
        file_of("shop", {"Item": [line]})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 7)
    with LocalModelServer({"scorer": base}) as server:
        yield server, base


FORBIDDEN = ("tensorflow", "tf_keras", "keras", "tfx", "apache_beam", "duckdb", "pandas", "matplotlib", "tensorflow_serving")
CLIENT = """
import sys
from serving.client import RankingClient
from zoo.data.request_json import request_from_json
with RankingClient.of_model(sys.argv[1], "scorer", sys.argv[2], deadline_s=20.0) as client:
    client.wait_until_ready(20)
    request = request_from_json(client.schema, sys.stdin.read())
    ranking = client.rank_one(request)
    assert ranking.version == 7 and client.model_status() == [(7, "AVAILABLE", "")]
    assert client.signatures()["rank"].inputs["candidate_price"].dtype == 1
    print([float(score) for score in ranking.scores["click"]])
"""


def run_client(server, before="", after=""):
    running, base = server
    request = toy_requests(1, candidates=3)[0]
    done = subprocess.run([sys.executable, "-c", before + CLIENT + after, running.target, str(base)], capture_output=True,
                          text=True, cwd=ROOT, input=request_to_json(toy_schema(), request))
    assert done.returncode == 0, done.stderr[-2000:]
    expected = [7 + price / 1000 for price in request.candidates["price"]]
    assert json.loads(done.stdout) == pytest.approx(expected, rel=1e-6)


def test_a_client_asks_and_reads_the_answer_without_tensorflow(server):
    run_client(server, after=f"found = set({FORBIDDEN}) & set(sys.modules)\nassert not found, found")


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False], ids=["tensorflow first", "client first"])
def test_a_client_lives_beside_tensorflow_in_one_process(server, first):
    both = "import zoo.keras\nfrom tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc\n"
    run_client(server, *((both, "") if first else ("", both + "assert not predict_pb2.PredictRequest().inputs")))
