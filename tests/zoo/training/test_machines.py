"""Training on several machines: real processes on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.toy import toy_bound, toy_requests, write_transformed
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.rows import fill_rows, gather_rows
from zoo.models import registry
from zoo.models.preparation import Span
from zoo.training import TrainingConfig, train
from zoo.training.dataset import Share
from zoo.training.machines.cluster import Cluster
from zoo.training.machines.config import MachinesConfig
from zoo.training.machines.local import LocalServers
from zoo.training.machines.meeting import place_of
from zoo.training.machines.train import MachinesError
from zoo.training.machines.weights import copy_weights
from zoo.training.split import TrainingFiles

ROOT = Path(__file__).parents[3]
REQUESTS, BATCH = 1_600, 16
# The toy's tables have 62 rows at most: so small ones are divided.
MACHINES = MachinesConfig(workers=2, servers=2, part_rows=20)


class Parted:
    """A table in parts, as TensorFlow gives it to the ops that know parts."""

    def __init__(self, parts):
        self.variables = [tf.Variable(part) for part in parts]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, schema = tmp_path_factory.mktemp("machines"), toy_bound()
    return {split: [write_transformed(str(folder / f"{split}.gz"), schema, toy_requests(count, seed=seed, schema=schema))]
            for seed, (split, count) in enumerate((("train", REQUESTS), ("validation", 300)))}


def children(what: str) -> list[int]:
    """Process ids of this process's children whose command line has this word."""
    found = []
    for children_of_thread in Path("/proc/self/task").glob("*/children"):
        for child in children_of_thread.read_text().split():
            if what in Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0"):
                found.append(int(child))
    return sorted(found)


def wait_for(condition, what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.mark.slow
def test_a_worker_that_is_killed_comes_back_and_the_model_is_as_good_as_by_one_process(files, tmp_path):
    schema, config = toy_bound(), TrainingConfig(batch_size=BATCH, epochs=4, patience=4)
    alone = train("din", schema, files["train"], files["validation"], config=config)
    said, killed = [], []

    def listen(line: str) -> None:
        said.append(line)
        if line.startswith("epoch 1/"):
            killed.append(children("worker")[0])
            os.kill(killed[0], signal.SIGKILL)
            wait_for(lambda: len(set(children("worker")) - set(killed)) == MACHINES.workers, "another worker in its place")

    divided = train("din", schema, files["train"], files["validation"], on_progress=listen, checkpoints=str(tmp_path / "kept"),
                    config=config.model_copy(update={"machines": MACHINES, "checkpoint_seconds": 0.0}))
    assert killed and len(divided.history) == 4 and [line.split(" ")[0] for line in said] == ["epoch"] * 4
    best = {run: result.history[result.best_epoch - 1]["validation"]["auc"] for run, result in
            (("alone", alone), ("divided", divided))}
    assert best["alone"] > 0.6 and abs(best["alone"] - best["divided"]) < 0.03, best
    assert not children("worker") and not children("ps"), "nobody is left"
    # The weights of the best epoch are those that came back.
    batch = next(iter(TrainingFiles(schema, tuple(files["validation"]), config).batches()))
    assert np.isfinite(divided.model.probabilities(batch[0])["click"].numpy()).all()


@pytest.mark.slow
def test_a_synchronous_training_goes_on_after_one_of_its_workers_died(files, tmp_path):
    schema, config = toy_bound(), TrainingConfig(batch_size=BATCH, epochs=4, patience=4)
    alone = train("din", schema, files["train"], files["validation"], config=config)
    together = config.model_copy(update={"machines": MachinesConfig(kind="synchronous", workers=2)})
    said: list[str] = []

    def kill_after_an_epoch(line: str) -> None:
        said.append(line)
        if line.startswith("epoch 1/"):
            os.kill(children("zoo.training.machines.member")[1], signal.SIGKILL)

    kept = str(tmp_path / "kept")
    with pytest.raises(MachinesError, match="(?s)go on from its last checkpoint.*What its processes said last:"):
        train("din", schema, files["train"], files["validation"], config=together, checkpoints=kept,
              on_progress=kill_after_an_epoch)
    assert not children("zoo.training.machines.member")
    done, said = len(said), []
    result = train("din", schema, files["train"], files["validation"], config=together, checkpoints=kept,
                   on_progress=said.append)
    # An epoch is kept before it is told, and whoever tells may end between the two.
    kept_epochs = int(said[0].removeprefix("going on after ").split(" ")[0])
    assert kept_epochs in (done, done + 1) and len(said) == 1 + 4 - kept_epochs
    best = {run: one.history[one.best_epoch - 1]["validation"]["auc"] for run, one in (("alone", alone), ("together", result))}
    assert abs(best["alone"] - best["together"]) < 0.03, best


@pytest.mark.slow
def test_workers_on_machines_of_their_own_follow_one_that_begins_anew(files, tmp_path, monkeypatch):
    """The commands of two pods, on loopback; the other one's worker is killed, and the leader's call is told again."""
    schema, meeting, kept = toy_bound(), str(tmp_path / "meeting"), str(tmp_path / "kept")
    machines = MachinesConfig(kind="synchronous", workers=2, cluster="tf_config", meeting=meeting)
    config = TrainingConfig(batch_size=BATCH, epochs=4, patience=4, machines=machines)
    (tmp_path / "meeting").mkdir()
    (tmp_path / "meeting/somebody's.txt").touch()
    chief, worker = Cluster.local(machines.model_copy(update={"cluster": "local"})).workers
    said = {"cluster": {"chief": [chief], "worker": [worker]}, "task": {"type": "worker", "index": 0}}
    with subprocess.Popen([sys.executable, "-m", "zoo.training.machines.meeting", meeting], cwd=ROOT,
                          env={**os.environ, "TF_CONFIG": json.dumps(said)}) as other:
        try:
            monkeypatch.setenv("TF_CONFIG", json.dumps(said | {"task": {"type": "chief", "index": 0}}))

            def kill_after_an_epoch(line: str) -> None:
                if line.startswith("epoch 1/"):
                    (member,) = Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text().split()
                    os.kill(int(member), signal.SIGKILL)

            with pytest.raises(MachinesError, match="go on from its last checkpoint"):
                train("din", schema, files["train"], files["validation"], config=config, checkpoints=kept,
                      on_progress=kill_after_an_epoch)
            lines: list[str] = []
            result = train("din", schema, files["train"], files["validation"], config=config, checkpoints=kept,
                           on_progress=lines.append)
        finally:
            other.kill()
    assert lines[0].startswith("going on after ") and len(result.history) == 4
    assert result.history[result.best_epoch - 1]["validation"]["auc"] > 0.6
    assert sorted(path.name for path in Path(meeting).iterdir()) == ["call.json", "somebody's.txt"]


@pytest.mark.parametrize("said", [{}, {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}},
                                  {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}}])
def test_the_one_that_leads_does_not_wait_at_a_meeting(said):
    with pytest.raises(ConfigError, match="a worker waits here that is not the one that leads"):
        place_of(said)


def test_trees_are_not_divided(files):
    with pytest.raises(ConfigError, match="can't be divided between machines: its trees are grown anew"):
        train("gbdt", toy_bound(), files["train"], files["validation"], config=TrainingConfig(machines=MACHINES))


@pytest.mark.slow
@pytest.mark.parametrize("job", ["worker", "ps"])
def test_one_that_can_t_serve_is_not_started_for_ever(job, tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        cluster = Cluster.of({job: [f"127.0.0.1:{taken.getsockname()[1]}"]})
        with LocalServers(cluster, tmp_path / "log") as servers:
            assert servers.lost.wait(120)
    said = (tmp_path / "log").read_text()
    assert said.count("Traceback") == (3 if job == "worker" else 1), said


@pytest.mark.slow
def test_nobody_is_left_where_the_training_is_killed(files, tmp_path):
    script = tmp_path / "train.py"
    script.write_text("""
import sys
from tests.toy import toy_bound
from zoo.training import TrainingConfig, train
from zoo.training.machines.config import MachinesConfig

train("din", toy_bound(), sys.argv[1:2], sys.argv[2:3], on_progress=lambda line: print(line, flush=True), config=TrainingConfig(
    batch_size=16, epochs=50, patience=50, machines=MachinesConfig(kind="synchronous", workers=2)))
""")
    command = [sys.executable, str(script), files["train"][0], files["validation"][0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout.readline().startswith("epoch 1/")
        members = [int(child) for path in Path(f"/proc/{process.pid}/task").glob("*/children")
                   for child in path.read_text().split()]
        process.kill()
    assert len(members) == 2
    wait_for(lambda: not any(Path(f"/proc/{member}/cmdline").exists() and "member" in
                             Path(f"/proc/{member}/cmdline").read_text() for member in members), "the end of its workers")


def test_rows_of_a_table_in_parts():
    whole = tf.Variable(np.arange(14.0, dtype=np.float32).reshape(7, 2))
    parts = Parted([whole[:4], whole[4:]])
    fill_rows(parts, np.array([0, 3, 4, 6]), np.full((4, 2), -1.0, np.float32))
    fill_rows(whole, np.array([0, 3, 4, 6]), np.full((4, 2), -1.0, np.float32))
    np.testing.assert_array_equal(tf.concat(parts.variables, 0), whole)
    np.testing.assert_array_equal(gather_rows(whole, tf.constant([[6, 1]]))[0, 1], [2.0, 3.0])


def test_all_weights_are_copied():
    one, other = (registry.build("din", toy_bound()) for _ in range(2))
    for model in (one, other):
        model.make_variables()
    copy_weights(one, other)
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    lr = registry.build("lr", toy_bound())
    lr.make_variables()
    with pytest.raises(ValueError, match="can't take the weights"):
        copy_weights(one, lr)


def test_workers_divide_the_batches_of_an_epoch(files):
    split = TrainingFiles(toy_bound(), tuple(files["train"]), TrainingConfig(batch_size=64))
    everything = [batch[0]["history_item"].numpy() for batch in split.batches()]
    parts = [[batch[0]["history_item"].numpy() for batch in split.batches(share=Share(2, tf.constant(index, tf.int64)))]
             for index in (0, 1)]
    assert len(parts[0]) + len(parts[1]) == len(everything) == split.steps()
    for place, batch in enumerate(everything):
        np.testing.assert_array_equal(batch, parts[place % 2][place // 2])


def test_steps_of_a_span(files):
    split = TrainingFiles(toy_bound(), tuple(files["train"]), TrainingConfig(batch_size=64))
    middle = split.time_quantile(0.5)
    for span in (Span(until=middle), Span(after=middle), Span()):
        assert split.steps(span) == sum(1 for _ in split.batches(span))


@pytest.mark.parametrize(("text", "message"), [
    (None, "TF_CONFIG is not set"),
    ("{", "not what TensorFlow expects"),
    (json.dumps({"cluster": {"worker": ["a:1"], "ps": ["b:1", "c:1"]}}), "names 1 workers and 2 parameter servers"),
])
def test_tf_config_that_fits_not(text, message):
    with pytest.raises(ConfigError, match=message):
        Cluster.of_tf_config(text, MACHINES)


def test_tf_config_names_the_machines():
    cluster = {"chief": ["z:1"], "worker": ["a:1", "b:1"], "ps": ["c:1", "d:1"]}
    text = json.dumps({"cluster": cluster, "task": {"type": "chief", "index": 0}})
    assert Cluster.of_tf_config(text, MACHINES) == Cluster(("a:1", "b:1"), ("c:1", "d:1"), ("z:1",))


@pytest.mark.parametrize(("machines", "message"), [
    ({"servers": 0}, "at least one of `servers`"),
    ({"kind": "synchronous", "cluster": "tf_config"}, "has a `meeting`: a folder that all of them reach"),
    ({"kind": "synchronous", "meeting": "/mnt/met"}, "has a `meeting`: a folder that all of them reach"),
    ({"kind": "synchronous", "workers": 3}, "a batch of 256 requests can't be divided between 3 workers"),
])
def test_settings_that_can_t_be(machines, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(machines=machines)
