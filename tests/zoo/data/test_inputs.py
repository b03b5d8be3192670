"""The files of an import, of events and of samples alike: folders, patterns and archives, here and in a store."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.zoo.data import samples
from tests.zoo.data.test_importer import HEADER, config, requests_of, sessions
from zoo import files
from zoo.data.importer import import_events, import_samples
from zoo.data.importer.inputs import found
from zoo.data.importer.sources import EventLogError
from zoo.data.request_log import SPLITS, RequestLog

SAMPLES = ("user,item,click,split", [f"u{row},{row},{row % 2},{SPLITS[row % 3]}" for row in range(12)])
KINDS: dict[str, tuple[str, list[str], Callable[[Sequence[str], Path], RequestLog]]] = {
    "events": (HEADER, sessions(), lambda paths, out: import_events(config(), paths, out)),
    "samples": (*SAMPLES, lambda paths, out: import_samples(samples.settings(), paths, out)),
}
NAMES = ["day=1/part-0.csv", "day=1/part-1.csv", "day=2/part-0.csv"]
BESIDE = ["day=1/_SUCCESS", "day=2/.part-0.csv.crc"]
numbers = itertools.count()


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path) -> str:
    """A folder with nothing in it, here or in a store."""
    return str(tmp_path / "files") if request.param == "local" else f"memory://inputs-{next(numbers)}/files"


def write(root: str, kind: str) -> list[str]:
    """The rows of a kind in three files below a folder, with what Spark and Hive leave beside them."""
    header, rows, _ = KINDS[kind]
    paths = [files.join(root, name) for name in NAMES]
    for path, part in zip(paths, (rows[:4], rows[4:5], rows[5:]), strict=True):
        files.make_dirs(files.parent(path))
        files.write_text(path, "\n".join([header, *part]) + "\n")
    for name in BESIDE:
        files.write_text(files.join(root, name), "no rows")
    return paths


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_and_a_pattern_are_the_files_that_they_stand_for(tmp_path, root, kind):
    paths, make = write(root, kind), KINDS[kind][2]
    plain = requests_of(make(paths, tmp_path / "plain"))
    given = [[root], [f"{root}/day=*/*.csv"], [f"{root}/day=[12]"], [f"{root}/day=?/part-0.csv", paths[1]]]
    for number, some in enumerate(given):
        log = make(some, tmp_path / str(number))
        assert log.manifest["rows"] == len(KINDS[kind][1]) and not log.manifest["rejected"]
        assert sorted(map(repr, unnamed(requests_of(log)))) == sorted(map(repr, unnamed(plain))), some


def unnamed(requests: list) -> list:
    """What is drawn for a click, and what a request is called, depend on the order of the rows."""
    return [(one.time, one.features, one.sequences) for one in requests]


@pytest.mark.parametrize("kind", KINDS)
def test_a_zip_is_the_files_in_it(tmp_path, kind):
    write(str(tmp_path / "files"), kind)
    with zipfile.ZipFile(tmp_path / "log.ZIP", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._part-0.csv", "no rows")
        for number, name in enumerate(NAMES):
            archive.write(tmp_path / "files" / name, f"../up/{number}/part.csv")
    make = KINDS[kind][2]
    log = make([str(tmp_path / "log.ZIP")], tmp_path / "zipped")
    plain = make([str(tmp_path / "files")], tmp_path / "plain")
    assert requests_of(log) == requests_of(plain) and not log.manifest["rejected"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "log.ZIP", "plain", "zipped"]


def test_a_row_of_a_zip_is_named_by_its_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "log.zip", "w") as archive:
        archive.writestr("a/one.csv", "\n".join([HEADER, *sessions(), "u1,s1,never,click,i1,c1"]))
    log = import_events(config(), [tmp_path / "log.zip"], tmp_path / "log")
    assert files.read_text(f"{log.path}/rejected.csv").splitlines()[1] == (
        f"{tmp_path}/log.zip/a/one.csv,{len(sessions()) + 1},time can not be read")


def test_a_table_beside_the_events_may_be_a_folder(tmp_path):
    """Of two rows of one key the one in the later file counts."""
    (tmp_path / "users").mkdir()
    files.write_text(str(tmp_path / "users/a.csv"), "user,city\nu0,old\nu1,c1\n")
    files.write_text(str(tmp_path / "users/b.csv"), "user,city\nu0,new\n")
    files.write_text(str(tmp_path / "events.csv"), "\n".join([HEADER, *sessions()]))
    log = import_events(config(tables=[{"file": str(tmp_path / "users"), "of": "user", "key": "user",
                                        "features": [{"name": "city"}]}]), [tmp_path / "events.csv"], tmp_path / "log")
    assert {(one.features["user_id"], one.features["city"]) for one in requests_of(log)} >= {("u0", "new"), ("u1", "c1")}
    assert log.manifest["notes"]["rows_of_the_user_table_with_key_and_time_of_a_later_row"] == 1


def test_what_has_no_file_is_said(tmp_path, root):
    paths = write(root, "events")
    for given, message in (([f"{root}/absent.csv"], "no such file"), ([f"{root}/*.txt"], "none whose name fits the pattern"),
                           ([f"{root}/no*/part.csv"], "none whose name fits"), ([root, paths[0]], "part-0.csv: named twice")):
        with pytest.raises(EventLogError, match=message):
            found(given)
    files.make_dirs(files.join(root, "empty"))
    if not files.scheme(root):
        with pytest.raises(EventLogError, match="empty: the folder has no files"):
            found([files.join(root, "empty")])


def test_a_pattern_seen_from_the_current_folder(tmp_path, monkeypatch):
    write(str(tmp_path), "events")
    monkeypatch.chdir(tmp_path)
    assert found(["day=*/part-0.*"]) == ["day=1/part-0.csv", "day=2/part-0.csv"] and found(["./day=2"]) == [
        "./day=2/part-0.csv"]
