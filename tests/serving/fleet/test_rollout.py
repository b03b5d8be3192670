"""Labels move over running servers without a failed call, and a restarted server comes back to what the file says."""

from __future__ import annotations

import contextlib
import shutil
import threading

import pytest
import yaml
from click.testing import CliRunner

from serving.errors import ServingError
from serving.fleet.commands import fleet as command
from serving.fleet.rollout import changes
from serving.fleet.rollout.changes import promote, rollback
from serving.fleet.rollout.prune import doomed, prune
from serving.fleet.rollout.server_config import config_path
from serving.fleet.rollout.servers import FleetServer, addresses
from serving.fleet.rollout.state import ModelState, State, read_state, write_state
from serving.fleet.rollout.status import status
from serving.serve import _read
from serving.server import LocalModelServer
from tests.serving.models import write_version
from tests.toy import toy_requests
from zoo.config import ConfigError
from zoo.manifest import write_manifest

REQUEST = toy_requests(1)[0]


def manifested(base, version):
    write_manifest(write_version(base, version))


def pushed(folder, version, whole=True):
    """A version for tests that load none."""
    (folder / str(version)).mkdir(parents=True)
    (folder / str(version) / "saved_model.pb").write_text(str(version))
    if whole:
        write_manifest(folder / str(version))


@pytest.fixture
def state_file(tmp_path):
    manifested(tmp_path / "scorer", 1)
    manifested(tmp_path / "scorer", 2)
    path = tmp_path / "rollout.yaml"
    path.write_text(yaml.safe_dump({"models": {"scorer": {"base_path": str(tmp_path / "scorer")}}}))
    return path


def version_at(server, **options):
    with server.client(**options) as client:
        return client.rank_one(REQUEST).version


@pytest.mark.slow
def test_a_version_goes_from_canary_to_stable_and_back_under_load(start, state_file, tmp_path):
    failures, seen, stop = [], set(), threading.Event()

    def call(label):
        with running.client(label=label, max_attempts=1) as client:
            while not stop.is_set():
                try:
                    ranking = client.rank_one(REQUEST)
                    price = float(REQUEST.candidates["price"][0])
                    assert ranking.scores["click"][0] == pytest.approx(ranking.version + price / 1000, rel=1e-6)
                    seen.add((label, ranking.version))
                except Exception as error:  # whatever it is, it is a call that failed
                    failures.append(error)

    with start({"scorer": tmp_path / "scorer"}, tmp_path) as running, FleetServer(running.target) as server:
        promote(state_file, "scorer", [server], "stable", 1)
        promote(state_file, "scorer", [server], "canary")
        callers = [threading.Thread(target=call, args=(label,)) for label in ("stable", "canary")]
        for caller in callers:
            caller.start()
        assert promote(state_file, "scorer", [server])[1] == 2, "stable goes to where the canary is"
        assert server.available("scorer") == [2], "what no label needs is unloaded"
        state, bad, good = rollback(state_file, "scorer", [server])
        assert (bad, good) == (2, 1) and state.models["scorer"].labels == {"stable": 1, "canary": 1}
        stop.set()
        for caller in callers:
            caller.join()
        assert not failures and {("stable", 1), ("stable", 2)} <= seen
        assert version_at(running, label="stable") == version_at(running, label="canary") == 1
        assert all(not row.faults for row in status(state, [server]))
    assert read_state(state_file) == state and not state.models["scorer"].incoming


def test_a_restarted_server_comes_back_to_the_file(state_file, tmp_path):
    with LocalModelServer({"scorer": tmp_path / "scorer"}) as running, FleetServer(running.target) as server:
        promote(state_file, "scorer", [server], "stable", 1)
        promote(state_file, "scorer", [server], "canary", 2)
    with LocalModelServer(_read(tmp_path / "rollout.models.config")) as again, FleetServer(again.target) as server:
        assert server.pointed("scorer", "stable") == 1 and server.pointed("scorer", "canary") == 2
        assert not any(row.faults for row in status(read_state(state_file), [server]))


def test_a_version_that_is_not_what_was_pushed_moves_no_label(state_file, tmp_path):
    with LocalModelServer({"scorer": tmp_path / "scorer"}) as running, FleetServer(running.target) as server:
        promote(state_file, "scorer", [server], "stable", 1)
        weights, = (tmp_path / "scorer/2/variables").glob("variables.data-*")
        whole = weights.read_bytes()
        weights.write_bytes(bytes(byte ^ 0xFF for byte in whole))
        with pytest.raises(ServingError, match=r"no label has moved: variables/variables.data\S+: .* another checksum"):
            promote(state_file, "scorer", [server], "stable", 2)
        weights.write_bytes(whole[:-1])
        with pytest.raises(ServingError, match="no label has moved: variables"):
            promote(state_file, "scorer", [server], "stable", 2)
        with pytest.raises(ServingError, match="no version 9 in .*; there: 1, 2"):
            promote(state_file, "scorer", [server], "stable", 9)
        assert server.pointed("scorer", "stable") == 1 and read_state(state_file).models["scorer"].labels == {"stable": 1}


@pytest.mark.slow
def test_a_version_that_one_server_can_not_load_moves_no_label_anywhere(state_file, tmp_path):
    """Two servers with folders of their own, as pods have; one copy is damaged."""
    other = tmp_path / "other/scorer"
    shutil.copytree(tmp_path / "scorer", other)
    (other / "2/saved_model.pb").write_bytes(b"garbage")
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(LocalModelServer({"scorer": tmp_path / "scorer"}, poll_seconds=0.1)),
                   stack.enter_context(LocalModelServer({"scorer": other}, poll_seconds=0.1))]
        first, second = (stack.enter_context(FleetServer(one.target)) for one in running)
        # Each pod's base path is its own; here they are two folders of one machine, so the second is sent another path.
        send = second.reload
        second.reload = lambda config: send(_moved(config, other))
        promote(state_file, "scorer", [first, second], "stable", 1)
        with pytest.raises(ServingError, match=rf"no label has moved:\n{second.target}: scorer version 2 is END"):
            promote(state_file, "scorer", [first, second], "stable", 2, timeout_s=1.0)
        for server in (first, second):
            assert server.pointed("scorer", "stable") == 1 and server.available("scorer") == [1]
        known = read_state(state_file).models["scorer"]
        assert known.labels == {"stable": 1} and not known.incoming, "nothing is announced any more"


def _moved(config, base):
    config.model_config_list.config[0].base_path = str(base)
    return config


def test_a_server_that_does_not_answer_is_named_and_nothing_changes(state_file, tmp_path):
    with LocalModelServer({"scorer": tmp_path / "scorer"}) as running, FleetServer(running.target) as server, \
            FleetServer("127.0.0.1:1", deadline_s=0.5) as gone:
        with pytest.raises(ServingError, match="127.0.0.1:1"):
            promote(state_file, "scorer", [server, gone], "stable", 1)
        assert not read_state(state_file).models["scorer"].labels and server.pointed("scorer", "stable") is None
        rows = status(read_state(state_file), [server, gone])
        assert not rows[0].faults and "127.0.0.1:1" in rows[1].faults[0]


def test_labels_that_did_not_move_everywhere_are_finished_by_apply(state_file, tmp_path, monkeypatch):
    with LocalModelServer({"scorer": tmp_path / "scorer"}) as running, FleetServer(running.target) as server:
        promote(state_file, "scorer", [server], "stable", 1)
        real, sent = server.reload, []

        def cut(config):
            sent.append(config)
            if len(sent) == 2:
                raise ServingError("the line was cut")
            real(config)

        monkeypatch.setattr(server, "reload", cut)
        with pytest.raises(ServingError, match="`zoo fleet apply` finishes it"):
            promote(state_file, "scorer", [server], "stable", 2)
        monkeypatch.undo()
        assert read_state(state_file).models["scorer"].labels == {"stable": 2}
        assert status(read_state(state_file), [server])[0].faults == ["label stable points to 1, not to 2"]
        done = CliRunner().invoke(command, ["apply", str(state_file), "--server", running.target], catch_exceptions=False)
        assert "servers are as" in done.output and server.pointed("scorer", "stable") == 2


def test_of_two_changes_at_once_the_second_is_refused(state_file, tmp_path):
    state = read_state(state_file)
    write_state(state, state_file)
    with pytest.raises(ServingError, match="changed meanwhile"):
        write_state(state, state_file)
    assert read_state(state_file).generation == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".draft")] == []


# ---- pure --------------------------------------------------------------------------------------------------------


def test_what_a_label_goes_back_to():
    model = ModelState(base_path="/models/din").pointed("stable", 1).pointed("canary", 2)
    assert model.back("canary").labels == {"stable": 1, "canary": 1}, "what served before the canary was tried"
    model = model.pointed("stable", 2).pointed("canary", 3)
    assert model.back("canary").labels == {"stable": 2, "canary": 2}
    back = model.back("stable")
    assert back.labels == {"stable": 1, "canary": 3} and 2 not in back.earlier["stable"]
    with pytest.raises(ServingError, match="has pointed to version 1 only"):
        back.back("stable")
    with pytest.raises(ServingError, match="no label 'stabel'; did you mean 'stable'"):
        back.back("stabel")


def test_what_is_loaded():
    model = ModelState(base_path="/models/din", keep_loaded=1).pointed("stable", 1).pointed("stable", 2).pointed("canary", 5)
    assert model.loaded == [1, 2, 5] and model.pointed("stable", 3).loaded == [2, 3, 5]
    assert ModelState(base_path="/models/din").loaded == []


def test_retention_keeps_what_a_label_needs(tmp_path):
    for version in range(1, 10):
        pushed(tmp_path / "din", version)
    model = ModelState(base_path=str(tmp_path / "din")).pointed("stable", 2).pointed("stable", 3).pointed("canary", 7)
    assert doomed(model, 1) == [1, 4, 5, 6], "2 is what stable may be taken back to, 8 is not tried yet"
    assert doomed(model, 5) == [1, 4]
    draft = tmp_path / "din/.77.partial"
    draft.mkdir()
    assert prune(model, 1) == ["version 1", "version 4", "version 5", "version 6"] and draft.exists()
    assert doomed(ModelState(base_path=str(tmp_path / "din")), 2) == [2, 3, 7]


def test_the_file_is_checked(tmp_path):
    path = tmp_path / "rollout.yaml"
    path.write_text("models: {din: {base_path: models/din, label: {stable: 1}}}")
    with pytest.raises(ConfigError) as raised:
        read_state(path)
    assert "label: unknown key; did you mean 'labels'?" in str(raised.value) and "base_path" in str(raised.value)
    state = State(models={"din": ModelState(base_path="/models/din", labels={"stable": 4})})
    assert config_path("s3://fleet/rollout.yaml") == "s3://fleet/rollout.models.config"
    with pytest.raises(ServingError, match="no model 'dim'; did you mean 'din'"):
        state.model("dim")


def test_every_address_behind_a_name_is_a_server(monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda host, port, type: [
        (2, 1, 6, "", (f"10.0.0.{number}", port)) for number in (1, 2, 1)])
    assert addresses(["fleet:8500", "10.0.0.2:8500"]) == ["10.0.0.1:8500", "10.0.0.2:8500"]
    with pytest.raises(ServingError, match="expected HOST:PORT"):
        addresses(["fleet"])


@pytest.mark.slow
def test_the_commands(state_file, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(command, list(arguments), catch_exceptions=False)

    with LocalModelServer({"scorer": tmp_path / "scorer"}, poll_seconds=0.1) as running:
        server = ("--server", running.target)
        first = run("push", str(tmp_path / "scorer/1"), "--to", str(tmp_path / "scorer"))
        number = int(first.output.split("version ")[1].split(":")[0])
        assert (tmp_path / "scorer" / str(number) / "assets.extra/manifest.json").is_file()
        assert "stable points to version 2" in run("promote", str(state_file), "scorer", "2", *server).output
        canary = run("promote", str(state_file), "scorer", "--label", "canary", *server)
        assert f"canary points to version {number}" in canary.output
        shown = run("status", str(state_file), *server)
        assert shown.exit_code == 0 and f"canary → {number}" in shown.output
        assert f"version {number} is taken back, canary points to version 2" in run(
            "rollback", str(state_file), "scorer", "--label", "canary", *server).output
        assert "would remove nothing" in run("prune", str(state_file), "--dry-run").output
        assert "removed version 1 in" in run("prune", str(state_file), "--keep", "1").output
    late = run("status", str(state_file), *server)
    assert late.exit_code == 1, "the server is gone"


def test_a_default_needs_a_version(tmp_path):
    with pytest.raises(ServingError, match="push one: zoo fleet push"):
        changes._by_default(State(models={"din": ModelState(base_path=str(tmp_path))}), "din", "canary")
