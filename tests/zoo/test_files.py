"""Files by path and by URI: fsspec's memory, TensorFlow's ram, and this machine, all alike."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import uuid
from pathlib import Path

import duckdb
import pytest

from tests.zoo.data.test_catalogue import log as write_log
from zoo import files
from zoo.config import ConfigError, load_yaml
from zoo.data.importer import import_events, load_import_config
from zoo.data.request_log import SPLITS, RequestLog, RequestLogError, RequestLogWriter
from zoo.data.simulator import SimulatorConfig, write_simulated_log
from zoo.files import FileError
from zoo.keras import tf
from zoo.schema import Schema

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["local", "memory", "ram"])
def folder(request, tmp_path):
    """A new folder of each kind; its name looks like a pattern."""
    return str(tmp_path / "[a]*") if request.param == "local" else f"{request.param}://{uuid.uuid4().hex}/[a]*"


def test_text_is_utf8_and_names_are_sorted(folder):
    files.make_dirs(files.join(folder, "deep", "er"))
    for name in ("b.txt", "a.txt", "a.csv", "deep/er/c.txt"):
        files.write_text(files.join(folder, name), "größer\n商店\n")
    assert files.list_dir(folder) == ["a.csv", "a.txt", "b.txt", "deep"]
    assert files.glob(folder, "*.txt") == [files.join(folder, "a.txt"), files.join(folder, "b.txt")]
    path = files.join(folder, "a.txt")
    assert files.read_text(path) == "größer\n商店\n"
    with files.open_file(path) as file:
        assert [line.rstrip() for line in file] == ["größer", "商店"]
    with files.open_file(path, "w") as file:
        file.write("新")
    with files.open_file(path, "rb") as file:
        assert file.read() == "新".encode()
    assert (files.is_file(path), files.is_dir(path), files.is_dir(folder), files.is_file(folder)) == (True, False, True, False)
    assert files.name(path) == "a.txt" and files.parent(path) == folder


def test_what_is_not_there_is_nothing(folder):
    path = files.join(folder, "none.txt")
    assert not files.exists(path) and not files.exists(folder) and files.list_dir(folder) == []
    files.remove(path)
    files.remove(folder)
    with pytest.raises(FileNotFoundError):
        files.read_text(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_yaml(path)


def test_trees_are_copied_between_file_systems_and_removed(folder, tmp_path):
    files.make_dirs(files.join(folder, "deep"))
    files.write_text(files.join(folder, "a"), "1")
    files.write_text(files.join(folder, "deep", "b"), "2")
    files.copy(folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "deep" / "b").read_text(encoding="utf-8") == "2"
    again = files.join(files.parent(folder), "again")
    files.copy(tmp_path / "copy", again)
    assert files.read_text(files.join(again, "deep", "b")) == "2"
    files.move(files.join(folder, "a"), files.join(folder, "c"))
    assert files.list_dir(folder) == ["c", "deep"]
    files.remove(files.join(folder, "deep"))
    assert files.list_dir(folder) == ["c"]
    files.remove(folder)
    assert not files.exists(folder) and files.exists(again)


def test_those_that_know_local_files_alone_get_one(folder):
    files.make_dirs(folder)
    path = files.join(folder, "x.bin")
    with files.local_draft(path) as local:
        Path(local).write_bytes(b"123")
        assert files.name(local) == "x.bin"
    with files.local_copy(path) as local:
        assert Path(local).read_bytes() == b"123"
    assert os.path.exists(local) == (not files.scheme(folder)), "a copy is gone afterwards"
    files.remove(path)
    with pytest.raises(RuntimeError), files.local_draft(path) as local:
        Path(local).write_bytes(b"12")
        raise RuntimeError
    assert not files.exists(path) and not os.path.exists(local)


@pytest.mark.parametrize(("path", "normal", "scheme"), [
    ("a/b/", "a/b", ""), ("file:///a/b", "/a/b", ""), ("/", "/", ""), ("gs://shop/log/", "gs://shop/log", "gs"),
    ("memory://", "memory://", "memory"), (Path("a"), "a", ""), ("a:b//c", "a:b//c", "")])
def test_a_path_is_text(path, normal, scheme):
    assert (files.normal(path), files.scheme(path)) == (normal, scheme)


def test_a_scheme_that_nothing_reaches_is_named(tmp_path):
    for action in (RequestLog, Schema.load, lambda path: RequestLogWriter(path, None, {})):
        with pytest.raises(FileError, match=r"nowhere://shop/log.*: neither TensorFlow nor fsspec reaches nowhere://"):
            action("nowhere://shop/log")
    (tmp_path / "latin.yaml").write_bytes("a: größer".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml: not UTF-8"):
        load_yaml(tmp_path / "latin.yaml")


def test_a_log_with_catalogue_and_schema_lies_anywhere(folder):
    made = write_log(files.join(folder, "log"))
    assert made.path == f"{folder}/log" and Schema.load(f"{folder}/log/schema.yaml") == made.schema
    assert [request.candidates["product"] for request in made.requests("test")] == [["b", "a"]]
    assert made.catalogue().as_of("b", 50).values == {"price": 2.5}
    assert files.list_dir(folder) == ["log"]
    with pytest.raises(RequestLogError, match="exists already"):
        RequestLogWriter(made.path, made.schema, {})
    request = next(made.requests("test"))
    with RequestLogWriter(made.path, made.schema, {}, shard_size=1, overwrite=True) as writer:
        for split in SPLITS * 2:
            writer.write(split, request)
    again = RequestLog(made.path)
    assert [files.name(path) for path in again.files("test")] == [f"requests-0000{k}.tfrecord.gz" for k in range(2)]
    assert len(list(again.requests("test"))) == 2 and again.catalogue() is None


def test_a_log_that_fails_leaves_nothing_anywhere(folder):
    made = write_log(files.join(folder, "log"))
    with pytest.raises(RuntimeError), RequestLogWriter(files.join(folder, "other"), made.schema, {}) as writer:
        writer.write("test", next(made.requests("test")))
        raise RuntimeError
    assert files.list_dir(folder) == ["log"]


def test_a_log_is_imported_from_and_to_a_uri(tmp_path):
    from tests.zoo.data.test_faults import SHOP, START, sessions, write

    write(tmp_path / "events.csv", [*sessions(), f"u,s,{START},dance,i,c0"])
    base = f"memory://{uuid.uuid4().hex}"
    files.copy(tmp_path / "events.csv", f"{base}/events[1].csv")
    files.write_text(f"{base}/shop.yaml", SHOP)
    made = import_events(load_import_config(f"{base}/shop.yaml"), [f"{base}/events[1].csv"], f"{base}/log")
    assert made.manifest["splits"]["test"]["requests"] == 8
    assert "unknown event type dance" in files.read_text(f"{base}/log/rejected.csv")
    simulated = write_simulated_log(SimulatorConfig(requests=300, users=100, items=50), f"ram://{uuid.uuid4().hex}/log")
    assert len(list(simulated.requests("train"))) + 200 == 300 and simulated.catalogue().item_count == 50


@pytest.mark.parametrize("error", [
    OSError(errno.ENOSPC, "x", "f"), OSError(errno.EROFS, "x"), PermissionError(errno.EACCES, "x"),
    duckdb.IOException('Could not write file "f": No space left on device'),
    duckdb.OutOfMemoryException("failed to offload: this limit was set by the 'max_temp_directory_size' setting"),
    tf.errors.ResourceExhaustedError(None, None, "f; No space left on device")])
def test_a_refusal_names_the_folder_whoever_says_it(error):
    with pytest.raises(FileError, match=r"^/some/folder: .*(space left|read-only|permission).*choose another folder$"), \
            files.writing("/some/folder/"):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), KeyError("No space left on device"),
                                   ConfigError("id 'Permission denied' is unknown"), duckdb.IOException("no parquet")])
def test_any_other_error_stays_what_it_is(error):
    with pytest.raises(type(error)) as found, files.writing("/some/folder"):
        raise error
    assert found.value is error


def test_local_files_and_those_of_fsspec_need_no_tensorflow(tmp_path):
    code = f"""
import sys
from zoo import files
from zoo.schema import Schema
from zoo.data import catalogue
files.write_text({str(tmp_path / 'a')!r}, 'x')
files.write_text('memory://b/c', 'x')
assert files.list_dir('memory://b') == ['c']
assert 'tensorflow' not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
