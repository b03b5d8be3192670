"""Version folders that come, go and break while calls run."""

from __future__ import annotations

import gc
import shutil
import threading
import time
import weakref

import grpc
import numpy as np
import pytest

from serving.encoding import encode_requests
from serving.errors import ServingError
from serving.server import LocalModelServer, ModelSpec, VersionPolicy
from serving.server.protocol import (
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_server_config_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
)
from tests.serving.models import write_version
from tests.toy import toy_requests, toy_schema
from zoo.keras import tf

REQUESTS = toy_requests(2)
PRICE = np.float32(REQUESTS[0].candidates["price"][0])


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def states(client):
    return {status.version: status.state for status in client.model_status()}



@pytest.mark.slow
def test_versions_swap_under_load_without_a_failed_request(start, tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    with start({"scorer": base}, tmp_path) as server:
        answered, failures, stop = [], [], threading.Event()

        def call():
            with server.client(max_attempts=1) as client:
                while not stop.is_set():
                    try:
                        ranking = client.rank_one(REQUESTS[0])
                        answered.append((ranking.version, float(ranking.scores["click"][0])))
                    except Exception as error:  # whatever it is, it is a request that failed
                        failures.append(error)

        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        with server.client() as watcher:
            for version in (2, 3):
                write_version(base, version)
                wait_for(lambda version=version: states(watcher).get(version) == "AVAILABLE")
                wait_for(lambda version=version: states(watcher).get(version - 1) == "END")
                seen = len(answered)
                wait_for(lambda seen=seen: len(answered) > seen + 8)
        stop.set()
        for caller in callers:
            caller.join()
    assert not failures
    assert {version for version, _ in answered} == {1, 2, 3}
    # Every answer is whole: the score is that of the version that the answer names.
    for version, score in answered:
        assert score == pytest.approx(version + PRICE / 1000, rel=1e-6)


def test_a_call_that_runs_keeps_its_version_until_it_ends(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server:
        with server.manager.version(model_pb2.ModelSpec(name="scorer")) as held:
            write_version(base, 2)
            server.manager.refresh()
            assert held.state == get_model_status_pb2.ModelVersionStatus.UNLOADING
            assert held.servable is not None
            with server.manager.version(model_pb2.ModelSpec(name="scorer")) as newest:
                assert newest.number == 2
        assert held.servable is None
        assert held.state == get_model_status_pb2.ModelVersionStatus.END


@pytest.mark.slow
@pytest.mark.parametrize("damage", [
    "no saved_model.pb", "cut saved_model.pb", "garbage", "no variables", "corrupt variables"])
def test_a_broken_version_is_reported_and_the_old_one_serves_on(start, tmp_path, damage):
    base = tmp_path / "scorer"
    write_version(base, 1)
    whole = write_version(tmp_path / "elsewhere", 2)
    broken = tmp_path / "partial"
    shutil.copytree(whole, broken)
    model = broken / "saved_model.pb"
    if damage == "no saved_model.pb":
        model.unlink()
    elif damage == "cut saved_model.pb":
        model.write_bytes(model.read_bytes()[:1000])
    elif damage == "garbage":
        model.write_bytes(b"\xff\x00garbage" * 100)
    elif damage == "corrupt variables":
        file, = (broken / "variables").glob("variables.data-*")
        file.write_bytes(bytes(byte ^ 0xFF for byte in file.read_bytes()))
    else:
        shutil.rmtree(broken / "variables")
    with start({"scorer": base}, tmp_path) as server, server.client() as client:
        broken.rename(base / "2")
        if damage == "no variables" and not server.local:
            # ModelServer calls it available, and unloads the version that works; the local server does not.
            wait_for(lambda: states(client).get(2) == "AVAILABLE")
            return
        status = wait_for(lambda: next((s for s in client.model_status() if s.version == 2 and s.error), None))
        assert status.state != "AVAILABLE"
        assert client.rank_one(REQUESTS[0]).version == 1
        assert states(client)[1] == "AVAILABLE"


def test_a_copy_that_is_finished_later_is_taken_up(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    whole = write_version(tmp_path / "elsewhere", 2)
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server:
        (base / "2").mkdir()
        shutil.copytree(whole / "variables", base / "2" / "variables")
        server.manager.refresh()
        (number, state, fault), _ = server.manager.states(model_pb2.ModelSpec(name="scorer"))
        assert number == 2 and state == get_model_status_pb2.ModelVersionStatus.END
        assert "saved_model.pb" in fault.message and str(base / "2") in fault.message
        shutil.copy(whole / "saved_model.pb", base / "2")
        server.manager.refresh()
        assert server.manager.states(model_pb2.ModelSpec(name="scorer"))[0][1:] == (
            get_model_status_pb2.ModelVersionStatus.AVAILABLE, None)


def test_a_broken_version_is_not_tried_again_until_it_changes(tmp_path, caplog):
    base = tmp_path / "scorer"
    write_version(base, 1)
    (base / "2").mkdir()
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server:
        server.manager.refresh()
        server.manager.refresh()
    assert sum("event=load-failed" in record.getMessage() for record in caplog.records) == 1


def test_a_vanished_base_path_leaves_the_model_serving(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server:
        base.rename(tmp_path / "away")
        server.manager.refresh()
        assert server.manager.ready


def test_what_is_no_version_is_not_looked_at(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    for name in ("tmp", "-3", "2.partial", "9" * 30, "²"):
        (base / name).mkdir()
    (base / "5").write_text("a file")
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server:
        assert [number for number, _, _ in server.manager.states(model_pb2.ModelSpec(name="scorer"))] == [1]


@pytest.mark.parametrize("policy, served", [("latest", {3}), ("latest:2", {2, 3}), ("all", {1, 2, 3}),
                                            ("specific:1,3", {1, 3}), ("specific:9", set())])
def test_version_policies(policy, served):
    assert VersionPolicy.parse(policy).choose([1, 2, 3]) == served


@pytest.mark.parametrize("text", ["", "newest", "latest:0", "latest:-1", "specific:", "specific:a", "all:1"])
def test_other_policies_are_refused_with_the_valid_ones(text):
    with pytest.raises(ValueError, match="latest:N"):
        VersionPolicy.parse(text)


# ---- configuration and labels ------------------------------------------------------------------------------------


def reload_request(models, **policies):
    request = model_management_pb2.ReloadConfigRequest()
    for name, (path, labels) in models.items():
        config = request.config.model_config_list.config.add(
            name=name, base_path=str(path), model_platform="tensorflow", version_labels=labels)
        if policies.get(name) == "all":
            config.model_version_policy.all.SetInParent()
        elif name in policies:
            config.model_version_policy.specific.versions.extend(policies[name])
    return request


def test_labels_name_available_versions_only(start, tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    write_version(base, 2)
    with start({"scorer": base}, tmp_path) as server, grpc.insecure_channel(server.target) as channel:
        change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        with pytest.raises(grpc.RpcError) as raised:
            change(reload_request({"scorer": (base, {"stable": 1})}), timeout=20)
        assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "not currently available for inference" in raised.value.details()

        # The way that works everywhere: load both, wait, then label.
        change(reload_request({"scorer": (base, {})}, scorer=[1, 2]), timeout=20)
        with server.client() as client:
            wait_for(lambda: [1, 2] == sorted(v for v, state in states(client).items() if state == "AVAILABLE"))
        response = change(reload_request({"scorer": (base, {"stable": 1, "canary": 2})}, scorer=[1, 2]), timeout=20)
        assert response.status.error_code == 0
        with server.client(label="stable") as stable, server.client(label="canary") as canary:
            assert stable.rank_one(REQUESTS[0]).version == 1
            assert canary.rank_one(REQUESTS[0]).version == 2
        with server.client(version=1) as pinned:
            assert pinned.rank_one(REQUESTS[0]).version == 1

        # Moving a label back and forth is how a roll-out and a roll-back go.
        change(reload_request({"scorer": (base, {"stable": 2})}, scorer=[1, 2]), timeout=20)
        with server.client(label="stable") as stable:
            assert stable.rank_one(REQUESTS[0]).version == 2


def test_reload_adds_and_removes_models(start, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_version(first, 1)
    write_version(second, 5)
    with start({"first": first}, tmp_path) as server, grpc.insecure_channel(server.target) as channel:
        change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        change(reload_request({"first": (first, {}), "second": (second, {})}), timeout=20)
        with server.client("second") as client:
            assert client.rank_one(REQUESTS[0]).version == 5
        change(reload_request({"second": (second, {})}), timeout=20)
        with server.client("first") as client:
            wait_for(lambda: states(client) == {1: "END"})
            with pytest.raises(ValueError, match="Servable not found"):
                client.rank_one(REQUESTS[0])
        with server.client("second") as client:
            assert client.rank_one(REQUESTS[0]).version == 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["twice", "relative path", "no platform", "custom"])
def test_a_wrong_configuration_is_invalid_and_changes_nothing(start, tmp_path, kind):
    base = tmp_path / "scorer"
    write_version(base, 1)
    request = reload_request({"scorer": (base, {})})
    if kind == "twice":
        request.config.model_config_list.config.append(request.config.model_config_list.config[0])
    elif kind == "relative path":
        request.config.model_config_list.config[0].base_path = "models/scorer"
    elif kind == "no platform":
        request.config.model_config_list.config[0].model_platform = ""
    else:
        request = model_management_pb2.ReloadConfigRequest(config=model_server_config_pb2.ModelServerConfig())
        request.config.custom_model_config.SetInParent()
    with start({"scorer": base}, tmp_path) as server, grpc.insecure_channel(server.target) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=20)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        with server.client() as client:
            assert client.rank_one(REQUESTS[0]).version == 1


def test_a_new_model_without_a_version_fails_the_reload_and_leaves_the_others(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    (tmp_path / "empty").mkdir()
    with LocalModelServer({"scorer": base}) as server, grpc.insecure_channel(server.target) as channel:
        change = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        with pytest.raises(grpc.RpcError, match="did not become available: empty.*no version folder"):
            change(reload_request({"scorer": (base, {}), "empty": (tmp_path / "empty", {})}), timeout=20)
        assert server.manager._models["scorer"].is_available(1)


# ---- warm-up -----------------------------------------------------------------------------------------------------


def write_warmup(version, signature):
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="scorer", signature_name=signature))
    for name, value in encode_requests(toy_schema(), REQUESTS).inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    with tf.io.TFRecordWriter(str(version / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


def test_warmup_records_are_replayed_before_a_version_is_available(tmp_path, caplog):
    caplog.set_level("INFO", "serving.server")
    base = tmp_path / "scorer"
    write_warmup(write_version(base, 1), "rank")
    with LocalModelServer({"scorer": base}):
        pass
    assert any("event=available" in message and "warmup_records=1" in message for message in caplog.messages)


def test_a_warmup_record_that_fails_keeps_the_version_from_serving(start, tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    with start({"scorer": base}, tmp_path) as server, server.client() as client:
        broken = write_version(tmp_path / "elsewhere", 2)
        write_warmup(broken, "no_such_signature")
        broken.rename(base / "2")
        status = wait_for(lambda: next((s for s in client.model_status() if s.version == 2 and s.error), None))
        assert "no_such_signature" in status.error
        assert client.rank_one(REQUESTS[0]).version == 1


def test_models_of_a_server_may_have_policies_of_their_own(tmp_path):
    base = tmp_path / "scorer"
    write_version(base, 1)
    write_version(base, 2)
    specs = {"newest": base, "first": ModelSpec("first", base, VersionPolicy(specific=(1,)), {"stable": 1})}
    with LocalModelServer(specs) as server:
        for asked, version in ((model_pb2.ModelSpec(name="newest"), 2), (model_pb2.ModelSpec(name="first"), 1),
                               (model_pb2.ModelSpec(name="first", version_label="stable"), 1)):
            with server.manager.version(asked) as found:
                assert found.number == version


@pytest.mark.parametrize("options, message", [
    ({"poll_seconds": 0}, "poll_seconds is 0; expected more than 0"), ({"poll_seconds": float("nan")}, "poll_seconds is nan"),
    ({"threads": 0}, "threads is 0; expected at least 1"),
])
def test_settings_out_of_their_range_are_refused(tmp_path, options, message):
    with pytest.raises(ServingError, match=message):
        LocalModelServer({"scorer": tmp_path}, **options)


def test_the_newest_no_versions_are_refused():
    with pytest.raises(ValueError, match="expected at least 1"):
        VersionPolicy(latest=0)


@pytest.mark.slow
def test_an_unloaded_version_leaves_nothing_behind(tmp_path):
    """Parts of a loaded model refer to each other; without a collection they would stay until Python happens to look."""
    base = tmp_path / "scorer"
    write_version(base, 1)
    with LocalModelServer({"scorer": base}, poll_seconds=600) as server:
        with server.manager.version(model_pb2.ModelSpec(name="scorer")) as held:
            gone = weakref.ref(held.loaded._model.signatures["rank"].graph)
        del held
        gc.disable()
        try:
            write_version(base, 2)
            server.manager.refresh()
            assert gone() is None
        finally:
            gc.enable()
