"""A pushed version is whole or not there, says what it holds, and has a number of its own."""

from __future__ import annotations

import errno
import json
import multiprocessing
import time

import pytest

from zoo import files, versions
from zoo.manifest import faults_of
from zoo.versions import newest_version, publish, versions_in


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/data").write_bytes(bytes(100_000))
    return folder


def test_a_manifest_tells_every_change(model, tmp_path):
    path = tmp_path / "din" / str(publish(model, tmp_path / "din").version)
    assert faults_of(path) == []
    named = json.loads((path / "assets.extra/manifest.json").read_text())["files"]
    assert set(named) == {"saved_model.pb", "variables/data"} and named["variables/data"]["bytes"] == 100_000
    (path / "batching_params.pbtxt").write_text("laid beside it by a server's sync")
    assert faults_of(path) == []
    (path / "variables/data").write_bytes(bytes(99_999) + b"x")
    assert faults_of(path) == ["variables/data: 100000 bytes with another checksum than the 100000 that were pushed"]
    (path / "saved_model.pb").unlink()
    assert faults_of(path)[0] == "saved_model.pb: missing"
    (path / "assets.extra/manifest.json").write_text("{")
    assert "not a manifest" in faults_of(path)[0]
    assert "pushed by another tool" in faults_of(model)[0]


def test_a_model_that_was_changed_gets_a_manifest_of_its_own(model, tmp_path):
    first = publish(model, tmp_path / "din").path
    files.write_text(files.join(first, "variables/data"), "new items")
    assert faults_of(publish(first, tmp_path / "din").path) == []


def test_a_clock_that_is_wrong_takes_no_version_s_place(model, tmp_path, monkeypatch):
    ahead = publish(model, tmp_path / "din")
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    behind = publish(model, tmp_path / "din")
    assert behind.version == ahead.version + 1, "what was pushed last is the newest, whatever the clock says"
    monkeypatch.setattr(time, "time", lambda: 5e9)
    future = publish(model, tmp_path / "din")
    assert future.version == 5_000_000_000
    monkeypatch.undo()
    assert publish(model, tmp_path / "din") == newest_version(tmp_path / "din")


def push_many(model, folder, barrier, count):
    barrier.wait()
    for _ in range(count):
        publish(model, folder)


def test_pushers_at_once_get_numbers_of_their_own(model, tmp_path):
    """Three processes push within the same seconds; TFX's own Pusher would drop all but one a second."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    pushers = [context.Process(target=push_many, args=(str(model), str(tmp_path / "din"), barrier, 10)) for _ in range(3)]
    for pusher in pushers:
        pusher.start()
    for pusher in pushers:
        pusher.join()
    assert [pusher.exitcode for pusher in pushers] == [0, 0, 0]
    found = versions_in(tmp_path / "din")
    assert len(found) == 30
    assert all(faults_of(tmp_path / "din" / str(version)) == [] for version in found)
    assert [path.name for path in (tmp_path / "din").iterdir() if not path.name.isdigit()] == []


def test_a_full_disk_leaves_nothing_behind(model, tmp_path, monkeypatch):
    """The disk is full at the last file; /dev/full says so as a disk does."""
    copied = []

    def copy(source, target):
        for path in model.rglob("*"):
            if path.is_file():
                copied.append(path)
                file = files.join(target, path.relative_to(model).as_posix())
                files.make_dirs(files.parent(file))
                with open("/dev/full" if len(copied) == 2 else file, "wb") as new:
                    new.write(path.read_bytes())

    before = publish(model, tmp_path / "din")
    monkeypatch.setattr(versions.files, "copy", copy)
    with pytest.raises(files.FileError, match="din: there is no space left; free some"):
        publish(model, tmp_path / "din")
    assert [path.name for path in (tmp_path / "din").iterdir()] == [str(before.version)] and len(copied) == 2


def test_a_pusher_that_is_killed_leaves_a_draft_that_no_one_takes_for_a_version(model, tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "write_manifest", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        publish(model, tmp_path / "din")
    assert newest_version(tmp_path / "din") is None


def test_a_folder_that_another_tool_fills_is_not_entered(model, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 50.0)
    (tmp_path / "din/50").mkdir(parents=True)
    assert publish(model, tmp_path / "din").version == 51
    real = files.move

    def taken(source, target):
        if target.endswith("/52"):
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        real(source, target)

    monkeypatch.setattr(versions.files, "move", taken)
    assert publish(model, tmp_path / "din").version == 53


def test_a_store_without_renames_has_the_graph_last(model):
    version = publish(model, "memory://push/din")
    assert faults_of(version.path) == [] and newest_version("memory://push/din") == version
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versions, "faults_of", lambda _: ["variables/data: missing"])
        with pytest.raises(files.FileError, match="another pusher may have taken the number"):
            publish(model, "memory://push/din")
