"""Names are data, text is UTF-8 and a full disk is named: by the commands, as a user meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.zoo.data.test_importer import START, requests_of, sessions, write
from zoo.commands.data import data
from zoo.data.request_log import SPLITS, RequestLog, RequestLogWriter

ROOT = Path(__file__).parents[3]
SHOP = """
name: shop
columns: {user: user, session: session, time: time, event: event, item: item}
clicks: [click]
attributes: [{name: category, role: category}]
splits: {validation_from: 2023-11-16, test_from: 2023-11-17, until: 2023-11-18}
"""


def shop(folder: Path, text: str = SHOP) -> str:
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    return str(folder / "shop.yaml")


def command(*arguments: str):
    return CliRunner().invoke(data, [str(argument) for argument in arguments])


@pytest.mark.parametrize("event", ["[/close]", "[banner]view", ":smile:", "[link=x]"])
def test_an_event_type_is_no_markup(tmp_path, event):
    events = write(tmp_path / "events.csv", [*sessions(), f"u,s,{START},{event},i,c0"])
    done = command("import", events, "--config", shop(tmp_path), "--out", tmp_path / "log")
    assert done.exit_code == 0, done.output
    assert f"rejected: 1 rows, unknown event type {event} (" in done.output


def test_ids_and_paths_are_no_markup_where_a_log_is_shown(tmp_path):
    folder = tmp_path / "[/a] log :smile:"
    events = write(tmp_path / "events.csv", [row.replace(",i", ",[/i]") for row in sessions()])
    done = command("import", events, "--config", shop(tmp_path, SHOP.replace("name: shop", 'name: "[/shop]"')), "--out", folder)
    assert done.exit_code == 0, done.output
    done = command("show", folder)
    assert done.exit_code == 0 and done.output.startswith(f"[/shop]: {folder}\n") and "'[/i]" in done.output


@pytest.mark.parametrize("name", ["plain/events[1].csv", "plain/event*.csv", "plain/event?1.csv", "logs[1]/events1.csv",
                                  "it's/one's.csv"])
def test_a_file_name_is_no_pattern(tmp_path, name):
    for folder in ("plain", "logs1", "logs[1]", "it's"):
        (tmp_path / folder).mkdir()
    for other in ("plain", "logs1"):
        write(tmp_path / other / "events1.csv", sessions()[:3])
    events = write(tmp_path / name, sessions())
    done = command("import", events, "--config", shop(tmp_path), "--out", tmp_path / "a [log] *")
    assert done.exit_code == 0, done.output
    log = RequestLog(tmp_path / "a [log] *")
    assert log.manifest["rows"] == len(sessions()) and len(requests_of(log)) == 24


def test_a_log_without_times_does_not_say_1970(tmp_path):
    from tests.zoo.data.test_request import BASE, SCHEMA, changed

    for name, notes, request in (("old", {}, changed(time=0)), ("new", {"times": False}, changed(time=5)), ("timed", {}, BASE)):
        with RequestLogWriter(tmp_path / name, SCHEMA, {}) as log:
            log.notes = notes
            for split in SPLITS:
                log.write(split, request)
        output = command("show", tmp_path / name).output
        assert ("none" in output, "1970" in output, "2020" in output) == (name != "timed", False, name == "timed"), output


@pytest.mark.slow
def test_text_is_utf8_in_a_locale_that_is_not(tmp_path):
    """The plain C locale without Python's own way out of it: whoever opens a file by the locale gets ASCII."""
    clicks = [row.replace(",click,", ",点击,") for row in sessions()]
    write(tmp_path / "chinese.csv", [*clicks, f"u,s,{START},跳舞,i,c0"])
    config = shop(tmp_path, SHOP.replace("[click]", "[点击]  # what a user did\n").replace("name: shop", "name: 商店"))
    done = subprocess.run(
        [sys.executable, "-m", "tfx_pipelines.cli", "data", "import", tmp_path / "chinese.csv", "--config", config, "--out",
         tmp_path / "log"], cwd=ROOT, env=os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert rb"unknown event type \u8df3\u821e" in done.stdout
    log = RequestLog(tmp_path / "log")
    assert log.manifest["name"] == "商店" and log.manifest["rejected"] == {"unknown event type 跳舞": 1}
    assert "跳舞" in (tmp_path / "log" / "rejected.csv").read_text(encoding="utf-8")


TABLE = """
kind: samples
name: shop
columns: {user: user, request: session, time: time}
candidates: [{name: item, role: item}, {name: category, role: category}]
labels: [{name: click, column: time, above: 1700100000}]
splits: {validation_from: 2023-11-16, test_from: 2023-11-17, until: 2023-11-18}
"""
FULL = """
import json, subprocess, sys
from pathlib import Path
from zoo.data.importer import import_events, import_samples, load_import_config
from zoo.data.simulator import SimulatorConfig, write_simulated_log
room, config, events, table = sys.argv[1:]
makers = {"import": lambda out: import_events(load_import_config(config), [events], out),
          "samples": lambda out: import_samples(load_import_config(table), [events], out),
          "simulate": lambda out: write_simulated_log(SimulatorConfig(requests=1000, users=300), out)}
for options in ("size=100k", "ro"):
    for what, make in makers.items():
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", room], check=True)
        try:
            make(Path(room) / "log")
            said = "done"
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        print(json.dumps([options, what, said, [path.name for path in Path(room).iterdir()]]))
        subprocess.run(["umount", "-l", room], check=True)
"""


@pytest.mark.slow
def test_a_full_or_read_only_folder_is_named_and_nothing_is_left(tmp_path):
    # A mount namespace of its own: as root, or as a user who may have one.
    mount = ["mount", "-t", "tmpfs", "tmpfs", tmp_path]
    way = next((way for way in (["unshare", "-m"], ["unshare", "-Urm"])
                if subprocess.run([*way, *mount], capture_output=True).returncode == 0), None)
    if way is None:
        pytest.skip("this user may not mount a small file system")
    events = write(tmp_path / "events.csv", [f"u{k // 3 % 97},s{k // 3},{START + k * 60},click,i{k % 311},c{k % 7}"
                                             for k in range(4_200)])
    table = tmp_path / "table.yaml"
    table.write_text(TABLE, encoding="utf-8")
    room = tmp_path / "room"
    room.mkdir()
    done = subprocess.run([*way, sys.executable, "-W", "ignore", "-c", FULL, room, shop(tmp_path), events, table], cwd=ROOT,
                          capture_output=True, encoding="utf-8")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(rows) == 6, done.stderr[-2000:]
    for options, what, said, left in rows:
        reason = "the file system is read-only" if options == "ro" else "there is no space left"
        assert said.startswith(f"FileError: {room}") and reason in said, (options, what, said)
        assert left == [], (options, what, left)
