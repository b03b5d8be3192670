"""The shapes that logs come in, and what is wrong with them: the same requests as from a plain log, or a message."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.zoo.data.test_importer import DAY, HEADER, START, config, requests_of, sessions
from zoo.config import ConfigError
from zoo.data.importer import import_events
from zoo.data.importer.events import EventLogError
from zoo.data.request import Request
from zoo.data.request_log import RequestLog

COLUMNS = {"user": "user", "session": "session", "time": "time", "event": "event", "item": "item"}
NAMES = HEADER.split(",")


def imported(path: Path, content: str | bytes, **changes) -> RequestLog:
    """The log of one file's content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_events(config(**changes), [path], path.parent / "log")


def said(requests: list[Request]) -> list[tuple]:
    """What stands in requests, but for their names and what is drawn by lot."""
    return sorted((request.time, request.features["user_id"], tuple(request.sequences["history"]["item"]),
                   request.candidates["item"][request.labels["click"].index(1.0)]) for request in requests)


@pytest.fixture
def plain(tmp_path) -> list[tuple]:
    """Of the log as it is read without any setting."""
    (tmp_path / "plain").mkdir()
    return said(requests_of(imported(tmp_path / "plain" / "events.csv", "\n".join([HEADER, *sessions()]) + "\n")))


def fields() -> list[list[str]]:
    return [row.split(",") for row in sessions()]


def iso(time: str, zone: datetime.tzinfo) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(time), zone)


@pytest.mark.parametrize(("name", "separator", "files"), [
    ("events.dat", "::", {"header": False, "names": NAMES, "delimiter": "::"}),
    ("events.data", "\t", {"header": False, "names": NAMES}),
    ("events.txt", ";", {}),
    ("events.csv", "|", {"header": False, "names": NAMES, "quote": ""}),
])
def test_any_delimiter_with_and_without_a_header(tmp_path, plain, name, separator, files):
    rows = [separator.join(row) for row in ([NAMES] if files.get("header", True) else []) + fields()]
    assert said(requests_of(imported(tmp_path / name, "\n".join(rows) + "\n", files=files))) == plain


def test_a_first_line_of_values_is_no_header(tmp_path):
    with pytest.raises(EventLogError, match=r"no column 'time' \(for time\); its first line looks like values"):
        imported(tmp_path / "events.csv", "\n".join(sessions()))
    with pytest.raises(ConfigError, match="a file without a header needs `names`"):
        config(files={"header": False})


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_said_or_refused(tmp_path, plain, encoding):
    content = ("\n".join([HEADER, *sessions()]) + "\n").encode(encoding)
    assert said(requests_of(imported(tmp_path / "events.csv", content, files={"encoding": encoding}))) == plain
    if encoding == "utf-16":
        (tmp_path / "again").mkdir()
        with pytest.raises(EventLogError, match=r"events.csv: not UTF-8 \(a text in UTF-16\?\); say its `files.encoding`"):
            imported(tmp_path / "again" / "events.csv", content)


@pytest.mark.slow
@pytest.mark.parametrize(("write", "changes"), [
    (lambda time: f"{int(time)}000", {"time_unit": "ms"}),
    (lambda time: f"{int(time)}000000", {"time_unit": "us"}),
    (lambda time: iso(time, datetime.timezone.utc).isoformat(), {}),
    (lambda time: iso(time, datetime.timezone(datetime.timedelta(hours=8))).isoformat(), {}),
    (lambda time: iso(time, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC"), {}),
    (lambda time: iso(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"), {}),
    (lambda time: iso(time, datetime.timezone(datetime.timedelta(hours=1))).strftime("%Y-%m-%d %H:%M:%S"),
     {"time_zone": "Europe/Berlin"}),
    (lambda time: iso(time, datetime.timezone.utc).strftime("%m/%d/%Y %I:%M:%S %p"), {"time_format": "%m/%d/%Y %I:%M:%S %p"}),
    (lambda time: iso(time, datetime.timezone(datetime.timedelta(hours=1))).strftime("%d.%m.%Y %H:%M:%S"),
     {"time_format": "%d.%m.%Y %H:%M:%S", "time_zone": "Europe/Berlin"}),
])
def test_a_time_is_the_same_moment_however_it_is_written(tmp_path, plain, monkeypatch, write, changes):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    rows = [[user, session, write(time), *others] for user, session, time, *others in fields()]
    content = "\n".join(map(",".join, [NAMES, *rows])) + "\n"
    assert said(requests_of(imported(tmp_path / "events.csv", content, **changes))) == plain


def test_a_date_with_milliseconds_of_the_day(tmp_path, plain):
    rows = [[user, session, str(iso(time, datetime.timezone.utc).date()), str((int(time) - START) % DAY * 1000), *others]
            for user, session, time, *others in fields()]
    content = "\n".join(map(",".join, [["user", "session", "time", "frame", *NAMES[3:]], *rows])) + "\n"
    found = imported(tmp_path / "events.csv", content, columns=COLUMNS | {"time_of_day": "frame"})
    assert said(requests_of(found)) == plain


def test_a_log_of_clicks_needs_no_event_types_and_types_may_be_numbers(tmp_path, plain):
    rows = [[*row[:3], "1", *row[4:]] for row in fields()]
    content = "\n".join(map(",".join, [NAMES, *rows])) + "\n"
    without = {name: column for name, column in COLUMNS.items() if name != "event"}
    for number, changes in enumerate(({"columns": without, "clicks": [], "other": []}, {"clicks": [1], "other": [2]})):
        (tmp_path / str(number)).mkdir()
        assert said(requests_of(imported(tmp_path / str(number) / "events.csv", content, **changes))) == plain


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("true", "false"), ("1.0", "0.0")])
def test_a_label_says_what_was_clicked_of_a_page(tmp_path, yes, no):
    rows = [f"u,p{day}-{page},{START + day * DAY + page * 100},{item},{yes if item == 'b' else no},c"
            for day in range(3) for page in range(2) for item in "abc"]
    log = imported(tmp_path / "events.csv", "\n".join(["user,page,time,item,clicked,category", *rows]), clicks=[], other=[],
                   columns={"user": "user", "request": "page", "time": "time", "item": "item", "label": "clicked"})
    for request in requests_of(log):
        assert (request.candidates["item"], request.labels["click"]) == (["a", "b", "c"], [0.0, 1.0, 0.0])
    assert log.manifest["notes"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("token", ["", "NULL", r"\N", "NA", "nan", "None"])
@pytest.mark.parametrize("scope", ["user", "session"])
def test_a_visitor_without_a_name_is_known_by_the_session(tmp_path, token, scope):
    """And is not joined with all others of no name."""
    rows = [[token if user == "u1" else user, *others] for user, *others in fields()]
    log = imported(tmp_path / "events.csv", "\n".join(map(",".join, [NAMES, *rows])), history_scope=scope)
    anonymous = [request for request in requests_of(log) if request.features["session_id"].endswith("-1")]
    assert len(anonymous) == 6 and not log.manifest["rejected"]
    assert all(request.features["user_id"] == request.features["session_id"] for request in anonymous)
    assert all(len(request.sequences["history"]["item"]) <= 2 for request in anonymous)


def test_a_missing_number_may_be_written_in_any_way(tmp_path):
    prices = ["NULL", r"\N", "", "nan", "7.5"]
    rows = [[*row, prices[number % 5]] for number, row in enumerate(fields())]
    log = imported(tmp_path / "events.csv", "\n".join(map(",".join, [[*NAMES, "price"], *rows])),
                   attributes=[{"name": "category", "role": "category"}, {"name": "price", "kind": "number"}])
    assert not log.manifest["rejected"]


def test_whole_numbers_that_became_floats_are_whole_again(tmp_path):
    rows = fields()
    table = pa.table({"user": [float(row[0][1:]) for row in rows], "session": [row[1] for row in rows],
                      "time": [float(row[2]) for row in rows], "event": ["click"] * len(rows),
                      "item": [float(row[4][1:]) for row in rows],
                      "category": [None] + [float(row[5][1:]) for row in rows[1:]]})
    pq.write_table(table, tmp_path / "events.parquet")
    log = import_events(config(), [tmp_path / "events.parquet"], tmp_path / "log")
    request = next(log.requests("test"))
    assert request.features["user_id"] in "0123" and all(item in "0123456789" for item in request.candidates["item"])
    assert set(request.candidates["category"]) <= {"0", "1"}


def test_pages_that_are_numbered_anew_for_each_user_are_told_apart(tmp_path):
    rows = [f"u{user},{page},{START + day * DAY + page},{event},{item},c0" for day in range(3) for user in range(2)
            for page in (10 * day, 10 * day + 1) for event, item in (("show", "a"), ("show", "b"), ("click", "a"))]
    log = imported(tmp_path / "events.csv", "\n".join(["user,page,time,event,item,category", *rows]), impressions=["show"],
                   columns={"user": "user", "request": "page", "time": "time", "event": "event", "item": "item"})
    names = [request.request_id for request in requests_of(log)]
    assert len(set(names)) == len(names) == 12 and "u1-21" in names


@pytest.mark.parametrize("titles", [1, 2])
def test_a_quote_that_is_never_closed_swallows_nothing(tmp_path, plain, titles):
    rows = [[*row, "plain"] for row in fields()]
    for number in range(titles):
        rows[10 + 8 * number][-1] = '"half a title'
    log = imported(tmp_path / "events.csv", "\n".join(map(",".join, [[*NAMES, "title"], *rows])) + "\n")
    assert log.manifest["rows"] == len(rows) and not log.manifest["rejected"] and said(requests_of(log)) == plain
    assert log.manifest["notes"]["lines_with_a_quote_that_is_never_closed_read_without_quotes"] == titles


def test_line_breaks_inside_quotes_are_read_where_they_are_said_to_be_there(tmp_path, plain):
    rows = [[*row, '"two\nlines, with a comma"'] for row in fields()]
    log = imported(tmp_path / "events.csv", "\n".join(map(",".join, [[*NAMES, "title"], *rows])) + "\n",
                   files={"line_breaks": True})
    assert log.manifest["rows"] == len(rows) and said(requests_of(log)) == plain


def test_a_file_that_was_cut_off_is_named(tmp_path):
    packed = gzip.compress(("\n".join([HEADER, *sessions(per_day=40)]) + "\n").encode())
    for size in (len(packed) - 4, len(packed) // 2):
        with pytest.raises(EventLogError, match=r"events.csv.gz: the file ends in the middle of its gzip"):
            imported(tmp_path / "events.csv.gz", packed[:size])
    assert requests_of(imported(tmp_path / "events.csv.gz", packed + gzip.compress(b"u0,s9,1700200000,click,i1,c1\n")))


@pytest.mark.parametrize(("attribute", "name"), [({"name": "length"}, "length"), ({"name": "count"}, "count")])
def test_a_name_that_is_taken_is_refused(attribute, name):
    with pytest.raises(ConfigError, match=f"the attribute name '{name}' is taken; choose another one"):
        config(attributes=[{"name": "category", "role": "category"}, attribute])
    with pytest.raises(ConfigError, match="the attribute name 'price_bucket' is taken"):
        config(attributes=[{"name": "category", "role": "category"}, {"name": "price", "kind": "number", "buckets": 5},
                           {"name": "price_bucket"}])


def test_json_lines_read_like_csv(tmp_path, plain):
    import json

    rows = [json.dumps(dict(zip(NAMES, row, strict=True)) | {"time": int(row[2])}) for row in fields()]
    assert said(requests_of(imported(tmp_path / "events.jsonl", "\n".join(rows) + "\n"))) == plain
