"""What is refused before the first stage, and what a run says of a folder that it can't have."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toy import toy_requests, toy_schema
from tfx_pipelines.preflight import OneClassError, check_classes, check_path
from tfx_pipelines.run import run_pipeline
from tfx_pipelines.runners.lock import RootInUseError, only_run
from tfx_pipelines.runners.storage import storage_errors
from zoo.config import ConfigError
from zoo.data.request_log import SPLITS, RequestLog, RequestLogWriter
from zoo.files import FileError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clicked(tmp_path):
    """Makes a log with five requests a split, in which everything, nothing or something is clicked."""
    def make(**splits: str) -> RequestLog:
        with RequestLogWriter(tmp_path / "log", toy_schema(), source={}) as writer:
            for split in SPLITS:
                for request in toy_requests(5, candidates=4):
                    value = {"all": [1.0] * 4, "none": [0.0] * 4, "some": [1.0, 0.0, 0.0, 1.0]}[splits.get(split, "some")]
                    writer.write(split, dataclasses.replace(request, labels={"click": value}))
        return RequestLog(tmp_path / "log")

    return make


@pytest.mark.parametrize(("splits", "message"), [
    ({"test": "none"}, "log: the test split has no positive ('click' of 20 candidates)"),
    ({"test": "all"}, "the test split has no negative"),
    ({"validation": "none"}, "the validation split has no positive"),
])
def test_a_split_of_one_class_is_named(clicked, splits, message):
    with pytest.raises(OneClassError, match=re.escape(message)):
        check_classes(clicked(**splits), ["validation", "test"])


def test_only_the_splits_that_are_measured_need_both_classes(clicked):
    check_classes(clicked(train="all", validation="none"), ["test"])


def test_a_run_does_not_begin_with_such_a_log(clicked, config, tmp_path):
    run = config.model_copy(update={
        "data": config.data.model_copy(update={"log": str(clicked(test="none").path)}),
        "pipeline": config.pipeline.model_copy(update={"root": str(tmp_path / "run")})})
    with pytest.raises(OneClassError):
        run_pipeline(run)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("path", ["runs/br [v2]/run", "runs/*", "what?"])
def test_a_path_that_is_a_pattern_is_refused(path):
    with pytest.raises(ConfigError, match=f"the root {re.escape(repr(path))} holds"):
        check_path("root", path)
    check_path("root", "runs/My Shop (2)/run")


def test_a_path_that_tensorflow_does_not_read_is_refused():
    with pytest.raises(ConfigError, match="TensorFlow does not know memory://"):
        check_path("request log", "memory://bucket/log")
    with pytest.raises(FileError, match="nowhere://"):
        check_path("root", "nowhere://bucket/log")
    check_path("root", "ram://bucket/log")


def test_a_second_run_is_refused_until_the_first_ends_however_it_ends(config, tmp_path):
    second = config.model_copy(update={"pipeline": config.pipeline.model_copy(update={"root": str(tmp_path)})})
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, pathlib; from tfx_pipelines.runners.lock import only_run\n"
         f"with only_run(pathlib.Path({str(tmp_path)!r})): print('held', flush=True); sys.stdin.read()"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RootInUseError, match=rf"another run works in {tmp_path} \(process {holder.pid} since 2"):
            run_pipeline(second)
        assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with only_run(tmp_path):
            assert str(os.getpid()) in (tmp_path / "run.lock").read_text()
    finally:
        holder.kill()
        holder.communicate()


def raised(error: Exception, cause: Exception | None = None) -> str:
    with pytest.raises(Exception) as caught:
        with storage_errors(Path("ROOT")):
            raise error from cause
    return f"{type(caught.value).__name__}: {caught.value}"


def test_full_and_read_only_folders_are_named():
    assert raised(OSError(errno.ENOSPC, "x")).startswith("FileError: ROOT: there is no space left")
    assert raised(OSError(errno.ENOSPC, "x", "/tmp/y")).startswith("FileError: /tmp/y: there is no space left")
    assert raised(RuntimeError("stage"), OSError(errno.EROFS, "x")).startswith("FileError: ROOT: the file system is read-only")
    assert raised(RuntimeError("[Errno 28] No space left on device [while running 'f']")).startswith("FileError: ROOT: there")
    assert raised(RuntimeError("database or disk is full")).startswith("FileError: ROOT: there is no space left")
    assert raised(PermissionError(errno.EACCES, "x", "ROOT/logs")).startswith("FileError: ROOT/logs: there is no permission")


def test_other_errors_stay_what_they_are():
    assert raised(PermissionError(errno.EACCES, "x", "/elsewhere/log")).startswith("PermissionError")
    assert raised(FileNotFoundError(errno.ENOENT, "x", "ROOT/f")).startswith("FileNotFoundError")
    assert raised(ValueError("space")) == "ValueError: space"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, which needs the right to mount one."""
    def mount(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", tmp_path], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(tmp_path)
        return tmp_path

    mounted: list[Path] = []
    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "words"), [("size=100k", "no space"), ("size=1m", "no space"), ("ro", "read-only")])
def test_a_run_without_room_is_one_message(config, small_disk, options, words):
    root = small_disk(options) / "run"
    with pytest.raises(FileError, match=rf"{root.parent}.*{words}.*choose another folder"):
        run_pipeline(config.model_copy(update={"pipeline": config.pipeline.model_copy(update={"root": str(root)})}))
