"""A storm of reloads: operators, controllers and sidecars that all send configurations at once cost no call."""

from __future__ import annotations

import threading

import grpc
import pytest

from serving.server.protocol import model_service_pb2_grpc
from tests.serving.models import write_version
from tests.serving.test_versions import reload_request, states, wait_for
from tests.toy import toy_requests

REQUEST = toy_requests(1)[0]


@pytest.mark.slow
def test_a_storm_of_reloads_costs_no_call(start, tmp_path):
    """Four senders move a label back and forth and take another model in and out, while callers call by label and without."""
    base, other = tmp_path / "scorer", tmp_path / "other"
    for version in (1, 2):
        write_version(base, version)
    write_version(other, 9)
    failures, refused, answered, stop = [], [], [], threading.Event()

    def call(label):
        with server.client(label=label, max_attempts=1) as client:
            while not stop.is_set():
                try:
                    answered.append((label, client.rank_one(REQUEST).version))
                except Exception as error:  # whatever it is, it is a call that failed
                    failures.append(error)

    def storm(number):
        with grpc.insecure_channel(server.target) as channel:
            change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
            for turn in range(12):
                models = {"scorer": (base, {"stable": 1 + (turn + number) % 2})}
                if (turn + number) % 3 == 0:
                    models["other"] = (other, {})
                try:
                    change(reload_request(models, scorer=[1, 2]), timeout=60)
                except grpc.RpcError as error:
                    refused.append(error)

    with start({"scorer": base}, tmp_path) as server, grpc.insecure_channel(server.target) as channel:
        change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        change(reload_request({"scorer": (base, {})}, scorer=[1, 2]), timeout=60)
        with server.client() as watcher:
            wait_for(lambda: [1, 2] == sorted(v for v, state in states(watcher).items() if state == "AVAILABLE"))
        change(reload_request({"scorer": (base, {"stable": 1})}, scorer=[1, 2]), timeout=60)
        callers = [threading.Thread(target=call, args=(label,)) for label in ("stable", None)]
        senders = [threading.Thread(target=storm, args=(number,)) for number in range(4)]
        for thread in (*callers, *senders):
            thread.start()
        for sender in senders:
            sender.join()
        stop.set()
        for caller in callers:
            caller.join()
        change(reload_request({"scorer": (base, {"stable": 1})}, scorer=[1, 2]), timeout=60)
        with server.client(label="stable") as client:
            assert client.rank_one(REQUEST).version == 1, "the last one holds"
    assert not failures
    assert {version for label, version in answered if label == "stable"} == {1, 2}
    assert {version for label, version in answered if label is None} == {2}
    # ModelServer may say of a model that it was taken out again before it had come; the local server waits for each in turn.
    assert not refused or not server.local
