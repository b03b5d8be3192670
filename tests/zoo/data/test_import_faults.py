"""What is wrong with the content of logs: odd ids, times in another unit, interrupted imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.zoo.data.test_faults import SHOP, TABLE
from tests.zoo.data.test_import_layouts import fields, imported, plain, said
from tests.zoo.data.test_importer import DAY, HEADER, START, requests_of, write
from zoo.data.importer.events import EventLogError

ROOT = Path(__file__).parents[3]
__all__ = ["plain"]


def text(rows: list[list[str]], header: str = HEADER) -> str:
    return "\n".join([header, *map(",".join, rows)]) + "\n"


def test_whole_numbers_that_a_text_has_as_floats_are_whole_again(tmp_path, plain):
    """All of a column's: pandas writes them so when one value is missing. Versions stay as they are."""
    rows = [[f"{user[1:]}.0" if user != "u1" else "", session, time, event, f"{item[1:]}.0", category,
             f"{int(time) % 3}.{step % 2}"] for step, (user, session, time, event, item, category) in enumerate(fields())]
    log = imported(tmp_path / "events.csv", text(rows, HEADER + ",version"), attributes=[
        {"name": "category", "role": "category"}, {"name": "version"}])
    requests = requests_of(log)
    assert {request.features["user_id"] for request in requests} == {"0", "2", "3", "s0-1", "s1-1", "s2-1"}
    assert {item for request in requests for item in request.candidates["item"]} == set("0123456789")
    assert {"0.0", "1.1"} <= {value for request in requests for value in request.candidates["version"]}
    note = "values_of_the_column_{}_written_as_floats_and_read_as_whole_numbers"
    assert log.manifest["notes"] | {note.format("item"): 36, note.format("user"): 27} == log.manifest["notes"]


ODD = ['a "b"', "a,b", "[a] {b}", "two\nlines", "🛒 é 茶", "-", "null?", "a\\b", "'", "#1"]


def test_ids_may_hold_anything(tmp_path):
    rows = [[*row[:4], '"' + ODD[int(row[4][1:])].replace('"', '""') + '"', row[5]] for row in fields()]
    log = imported(tmp_path / "events.csv", text(rows), files={"line_breaks": True})
    assert {item for request in requests_of(log) for item in request.candidates["item"]} == set(ODD)
    lines = "\n".join(json.dumps(dict(zip(HEADER.split(","), [*row[:4], ODD[int(row[4][1:])], row[5]], strict=True)))
                      for row in fields())
    (tmp_path / "json").mkdir()
    again = imported(tmp_path / "json" / "events.jsonl", lines)
    assert said(requests_of(again)) == said(requests_of(log))


def test_a_column_of_several_types_is_text(tmp_path, plain):
    rows = [json.dumps(dict(zip(HEADER.split(","), row, strict=True)) | {"extra": extra, "time": when})
            for number, row in enumerate(fields())
            for extra, when in [((1, "one", [1], None, {"a": 1})[number % 5], (int(row[2]), row[2])[number % 2])]]
    assert said(requests_of(imported(tmp_path / "events.jsonl", "\n".join(rows)))) == plain


def test_two_columns_of_one_name_and_columns_without_a_name(tmp_path, plain):
    with pytest.raises(EventLogError, match="two columns are called 'item'; rename one of them"):
        imported(tmp_path / "events.csv", text([[*row, "x"] for row in fields()], HEADER + ",item"))
    rows = [[str(number), *row, ""] for number, row in enumerate(fields())]
    assert said(requests_of(imported(tmp_path / "index.csv", text(rows, f",{HEADER},")))) == plain


@pytest.mark.parametrize(("write_time", "changes", "message"), [
    (lambda time: f"{time}000", {}, r"lie in the future .half of them after the year 55,844.*"
                                    r"as `time_unit: ms` they would lie in 2023"),
    (lambda time: f"{time}", {"time_unit": "ms"}, r"lie before 1990 .half of them after 1970-01-20.*`time_unit: s` they would"),
    (lambda time: "20231115", {}, r'lie before 1990 .*they look like dates: say `time_format: "%Y%m%d"`'),
    (lambda time: f"{1115 + (time - START) // DAY}", {}, r"lie before 1990 .*they look like days without a year"),
    (lambda time: f"{time - START + 9999}", {}, r"lie before 1990 .* no time_unit fits; if they count from"),
])
def test_times_in_another_unit_are_said(tmp_path, write_time, changes, message):
    rows = [[user, session, write_time(int(time)), *others] for user, session, time, *others in fields()]
    with pytest.raises(EventLogError, match=r"events.csv: 100% of the times " + message):
        imported(tmp_path / "events.csv", text(rows), **changes)


def test_times_that_count_from_a_beginning_of_their_own_are_taken_where_the_splits_say_so(tmp_path):
    rows = [[user, session, str(int(time) - START), *others] for user, session, time, *others in fields()]
    log = imported(tmp_path / "events.csv", text(rows), splits={
        "validation_from": "1970-01-02", "test_from": "1970-01-03", "until": "1970-01-04"})
    assert len(requests_of(log)) == 24


def test_a_user_who_is_new_in_the_test_split_and_a_split_without_requests(tmp_path):
    rows = [["new", "s-new", str(START + 2 * DAY + step), "click", f"i{step}", "c0"] for step in range(2)]
    [request] = [r for r in requests_of(imported(tmp_path / "events.csv", text(fields() + rows)))
                 if r.features["user_id"] == "new"]
    assert request.sequences["history"]["item"] == ["i0"]
    from zoo.data.request_log import RequestLogError

    days = [row for row in fields() if not START + DAY <= int(row[2]) < START + 2 * DAY]
    (tmp_path / "again").mkdir()
    with pytest.raises(RequestLogError, match="no request fell into validation; check the times that divide the splits"):
        imported(tmp_path / "again" / "events.csv", text(days))


INTERRUPTED = """
import sys
from zoo.data.importer import importer, import_events, import_samples, load_import_config
from zoo.data.importer.samples import importer as samples, shards, table
importer.SHARD_EVENTS, shards._SHARD_BATCHES, samples._ALONE_BYTES, table.CHUNK_ROWS = 3_000, 1, 0, 2_000
if __name__ == "__main__":
    config = load_import_config(sys.argv[1])
    print("go", flush=True)
    (import_samples if config.kind == "samples" else import_events)(
        config, [sys.argv[2]], sys.argv[3], on_progress=lambda what, done, total: print(what, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["reading", "making requests"])
@pytest.mark.parametrize("config", [SHOP, TABLE], ids=["events", "samples"])
def test_an_interrupted_import_leaves_nothing_and_the_same_command_works_again(tmp_path, config, stage):
    events = write(tmp_path / "events.csv", [f"u{k // 3 % 97},s{k // 3},{START + k * 6},click,i{k % 311},c{k % 7}"
                                             for k in range(40_000)])
    (tmp_path / "shop.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "script.py").write_text(INTERRUPTED, encoding="utf-8")
    out = tmp_path / "out" / "log"
    out.parent.mkdir()
    command = [sys.executable, tmp_path / "script.py", tmp_path / "shop.yaml", events, out]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment,
                               start_new_session=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == stage:
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, said_last = process.communicate(timeout=120)
    assert process.returncode != 0 and "KeyboardInterrupt" in said_last
    deadline = time.monotonic() + 20
    while list(out.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert list(out.parent.iterdir()) == []
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert [path.name for path in out.parent.iterdir()] == ["log"]
