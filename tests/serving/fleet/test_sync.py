"""Versions come to a server's disk whole, and probes say what its models are, against a server that runs."""

from __future__ import annotations

import json
import socket
import struct
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from serving.errors import ServingError
from serving.fleet.commands import fleet as command
from serving.fleet.readiness import Readiness
from serving.fleet.server_files import BATCHING_OF_MODEL
from serving.fleet.sync import Source, Sources, read_sources, sources_of, sync
from tests.serving.fleet.descriptions import FULL, described
from zoo.config import parse
from zoo.versions import versions_in


def push(folder: Path, version: int, whole: bool = True) -> None:
    (folder / str(version) / "variables").mkdir(parents=True)
    (folder / str(version) / "variables" / "data").write_bytes(bytes(1000))
    if whole:
        (folder / str(version) / "saved_model.pb").write_text(str(version))


def source(store: Path, **settings) -> Sources:
    return Sources(models={"din": parse(Source, {"source": str(store / "din"), **settings})})


@pytest.fixture
def store(tmp_path):
    for version in (1, 2, 3):
        push(tmp_path / "store/din", version)
    return tmp_path / "store"


def test_the_newest_are_copied_whole(store, tmp_path):
    push(store / "din", 4, whole=False)
    assert list(sync(source(store, versions={"latest": 2}), tmp_path / "models")) == [
        f"din: version {version} copied from {store}/din" for version in (2, 3)
    ]
    din = tmp_path / "models/din"
    assert sorted(path.name for path in din.iterdir()) == ["2", "3"], "nothing half, and no draft"
    assert (din / "3/variables/data").read_bytes() == bytes(1000)
    assert list(sync(source(store, versions={"latest": 2}), tmp_path / "models")) == [], (
        "the second time there is nothing to do"
    )


def test_a_draft_that_was_left_behind_is_made_anew(store, tmp_path):
    push(tmp_path / "models/din", 77)
    (tmp_path / "models/din/77").rename(tmp_path / "models/din/.3.partial")
    list(sync(source(store), tmp_path / "models"))
    assert (tmp_path / "models/din/3/saved_model.pb").read_text() == "3"
    assert not (tmp_path / "models/din/.3.partial").exists()


def test_old_versions_go_and_some_are_kept(store, tmp_path):
    settings = {"versions": {"latest": 1}, "keep": 1}
    for version in (4, 5):
        list(sync(source(store, **settings), tmp_path / "models"))
        push(store / "din", version)
    assert list(sync(source(store, **settings), tmp_path / "models"))[1:] == ["din: version 3 removed"]
    assert versions_in(tmp_path / "models/din") == [4, 5]


def test_a_withdrawn_version_goes(store, tmp_path):
    list(sync(source(store, keep=5), tmp_path / "models"))
    (store / "din/3").rename(store / "din/bad-3")
    assert "din: version 3 removed" in list(sync(source(store, keep=5), tmp_path / "models"))
    assert versions_in(tmp_path / "models/din") == [2], "it would have stayed the newest"


def test_a_store_without_versions_takes_nothing_away(store, tmp_path):
    both = Sources(models={"gone": Source(source=str(store / "nothing")), **source(store).models})
    with pytest.raises(ServingError, match=r"gone: no version in .*nothing; push one"):
        list(sync(both, tmp_path / "models"))
    assert versions_in(tmp_path / "models/din") == [3], "the others are copied all the same"
    (store / "din").rename(store / "away")
    with pytest.raises(ServingError, match="din: no version"):
        list(sync(source(store), tmp_path / "models"))
    assert versions_in(tmp_path / "models/din") == [3]


def test_a_version_that_must_be_there_is_named(store, tmp_path):
    with pytest.raises(ServingError, match="no version 9 in"):
        list(sync(source(store, versions={"specific": [2, 9]}), tmp_path / "models"))
    list(sync(source(store, versions={"specific": [1, 3]}), tmp_path / "models"))
    assert versions_in(tmp_path / "models/din") == [1, 3]


def test_batching_lies_in_each_version(store, tmp_path):
    (tmp_path / "din.txt").write_text("max_batch_size { value: 4 }")
    list(sync(source(store, batching=str(tmp_path / "din.txt")), tmp_path / "models"))
    assert (tmp_path / "models/din/3" / BATCHING_OF_MODEL).read_text() == "max_batch_size { value: 4 }"


def test_what_is_rendered_is_read(tmp_path):
    described_sources = sources_of(described(base=FULL))
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(described_sources.model_dump(mode="json", exclude_unset=True)))
    assert read_sources(tmp_path / "sources.yaml") == described_sources
    assert described_sources.models["rerank"].batching is None, "what must not be batched has no file"


def test_probes_tell_versions_apart(start, tmp_path):
    """Against both servers: at the start every version of the configuration, later one of each model."""
    from tests.serving.models import write_version

    base, config = tmp_path / "models/scorer", tmp_path / "models.config"
    base.mkdir(parents=True)
    write_version(base, 7)

    def readiness(policy: str, *more: str) -> Readiness:
        names = "".join(
            f'config {{ name: "{name}" base_path: "/models/{name}" model_version_policy {{ {policy} }} }}'
            for name in ("scorer", *more)
        )
        config.write_text(f"model_config_list {{ {names} }}")
        return Readiness(server.rest, config, tmp_path / "models")

    with start({"scorer": base}, tmp_path) as server:
        latest = readiness("latest { num_versions: 1 }")
        assert latest.missing(True) == latest.missing(False) == []
        specific = readiness("specific { versions: 7 versions: 8 }")
        assert specific.missing(True) == ["scorer: version 8 is unknown to the server"]
        assert specific.missing(False) == [], "a version that does not load takes no pod away"
        other = readiness("latest { num_versions: 1 }", "absent")
        assert len(other.missing(False)) == 1 and other.missing(False)[0].startswith("absent: no status")
        probes = other.serve(0, "127.0.0.1")
        try:
            for path, code in (("/ready", 503), ("/started", 503), ("/", 404)):
                with pytest.raises(urllib.error.HTTPError) as answer:
                    urllib.request.urlopen(f"http://127.0.0.1:{probes.server_port}{path}", timeout=10)
                assert answer.value.code == code
        finally:
            probes.shutdown()
    assert latest.missing(False)[0].startswith("scorer: no status"), "a server that is gone"


def test_a_probe_that_has_gone_leaves_no_trace(tmp_path, capfd):
    (tmp_path / "config").write_text('model_config_list { config { name: "scorer" base_path: "/models/scorer" } }')
    readiness = Readiness("http://127.0.0.1:1", tmp_path / "config", tmp_path)
    asked, gone = threading.Event(), threading.Event()

    def slow(all_versions: bool) -> list[str]:
        asked.set()
        gone.wait(30)
        return ["much to say"] * 500_000

    readiness.missing = slow
    probes = readiness.serve(0, "127.0.0.1")
    probes.daemon_threads = False  # so that closing waits for the answer
    with socket.create_connection(probes.server_address) as probe:
        probe.sendall(b"GET /ready HTTP/1.1\r\n\r\n")
        assert asked.wait(30)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, as a kubelet's
    gone.set()
    probes.shutdown()
    probes.server_close()
    assert "Error" not in capfd.readouterr().err


def test_the_command_renders_and_says_what_comes_next(tmp_path):
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump({**FULL, "gpu": {"memory_gib": 30, "mig_profile": "1g.10gb"}}))
    arguments = ["render", str(tmp_path / "fleet.yaml"), "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert first.exit_code == 0
    assert "Left out: overlays/gpu-mig: the models need 11.5 GiB" in first.output
    assert first.output.splitlines()[-1].endswith(f"kubectl apply -k {tmp_path}/out/overlays/gpu")
    written = {
        path.relative_to(tmp_path / "out"): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert json.loads(written[Path("components/monitoring/dashboard.json")])["title"] == "TF Serving: ranking"
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump({**FULL, "gpu": None, "kserve": None}))
    CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert not (tmp_path / "out/kserve/kustomization.yaml").exists() and not (tmp_path / "out/overlays/gpu/patch.yaml").exists()
    assert (tmp_path / "out/overlays/cpu/patch.yaml").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(FULL))
    with pytest.raises(ServingError, match="not written by this command"):
        CliRunner().invoke(command, ["render", str(tmp_path / "fleet.yaml"), "--out", str(tmp_path)], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.yaml"]


def test_the_sync_command_copies_once(store, tmp_path):
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(source(store).model_dump(mode="json")))
    arguments = ["sync", "--sources", str(tmp_path / "sources.yaml"), "--models", str(tmp_path / "models"), "--once"]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.output.splitlines() == [f"din: version 3 copied from {store}/din", f"Done: 1 models in {tmp_path}/models"]
    wrong = CliRunner().invoke(command, [*arguments[:-1], "--ready-port", "0"])
    assert wrong.exit_code == 2 and "--ready-port needs --model-config" in wrong.output


@pytest.mark.slow
def test_a_server_follows_the_state_file(tmp_path, capsys):
    """As in a pod: the sync copies what the file announces, the server starts from the file, and follows when it was away."""
    import threading

    from serving.fleet.rollout.changes import promote
    from serving.fleet.rollout.server_config import server_config
    from serving.fleet.rollout.servers import FleetServer, VersionState
    from serving.fleet.rollout.state import read_state
    from serving.fleet.watch import follow
    from serving.serve import _read
    from serving.server import LocalModelServer
    from tests.serving.models import write_version
    from tests.serving.test_versions import wait_for
    from zoo.versions import publish

    made, store, models = tmp_path / "made", tmp_path / "store/scorer", tmp_path / "models"
    state = tmp_path / "store/rollout.yaml"
    versions = [publish(write_version(made, number), store).version for number in (1, 2, 3)]
    old, new, newest = versions
    described_state = {"base_path": str(models / "scorer"), "source": str(store), "labels": {"stable": old}}
    state.write_text(yaml.safe_dump({"models": {"scorer": described_state}}))
    sources = Sources(models={"scorer": Source(source=str(store))}, rollout=str(state))
    list(sync(sources, models))
    assert versions_in(models / "scorer") == [old], "the newest is not what the file says"
    stop = threading.Event()

    def sidecar():
        while not stop.wait(0.2):
            list(sync(sources, models))

    with LocalModelServer(_read(models / "models.config"), poll_seconds=0.1) as server, \
            FleetServer(server.target) as operator:
        beside = threading.Thread(target=sidecar)
        beside.start()
        promote(state, "scorer", [operator], "canary", new, timeout_s=30.0)
        stop.set()
        beside.join()
        assert operator.pointed("scorer", "canary") == new and operator.pointed("scorer", "stable") == old
        assert versions_in(models / "scorer") == [old, new] and not read_state(state).models["scorer"].incoming
        # Changed while this server was away.
        state.write_text(yaml.safe_dump({"models": {"scorer": {**described_state, "labels": {"stable": newest}}}}))
        list(sync(sources, models))
        follow(str(state), server.target)
        assert operator.pointed("scorer", "stable") == newest and operator.available("scorer") == [newest]
        announced = {**described_state, "labels": {"stable": new}, "incoming": [newest]}
        state.write_text(yaml.safe_dump({"models": {"scorer": announced}}))
        list(sync(sources, models))
        follow(str(state), server.target)
        assert operator.pointed("scorer", "stable") == newest, "an operator is at work"
        state.write_text(yaml.safe_dump({"models": {"scorer": {**described_state, "labels": {"stable": newest}}}}))
        # A version that nobody asks for and that could not be loaded stays in the status: there is nothing to bring.
        (models / f"scorer/{newest + 1}").mkdir()
        (models / f"scorer/{newest + 1}/saved_model.pb").write_bytes(b"no model")
        both = server_config(read_state(state), {"scorer": [newest, newest + 1]})
        capsys.readouterr()
        for config in (both, server_config(read_state(state))):
            operator.reload(config)
            wait_for(lambda: operator.states("scorer").get(newest + 1, VersionState("", "")).state == "END")
        assert operator.states("scorer")[newest + 1].error
        follow(str(state), server.target)
        assert "the server is as" not in capsys.readouterr().out
    list(sync(sources, models))
    with LocalModelServer(_read(models / "models.config")) as server, FleetServer(server.target) as operator:
        assert operator.pointed("scorer", "stable") == newest


def test_a_fleet_that_follows_a_file_says_no_versions_itself():
    follows = {"storage": {"rollout": "s3://models/rollout.yaml"}}
    assert sources_of(described(follows)).rollout == "s3://models/rollout.yaml"
    with pytest.raises(ValueError, match="leave versions.specific and labels out here"):
        described(follows, {"models": {"din": {"versions": {"specific": [3]}}}})
