"""The import of event logs: known requests from hand-made logs, and every kind of bad input."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import duckdb
import pytest

from tests.data_paths import shared_data
from tests.zoo.data.catalogues import assert_candidates_stand_in_the_catalogue
from zoo import files
from zoo.config import ConfigError, parse
from zoo.data.importer import ImportConfig, import_events, load_import_config
from zoo.data.importer.events import EventLogError
from zoo.data.request_log import RequestLog, RequestLogError
from zoo.keras import tf

DAY = 86_400
START = 1_700_006_400  # 2023-11-15 00:00 UTC
HEADER = "user,session,time,event,item,category"


def config(**changes) -> ImportConfig:
    values = {
        "name": "shop",
        "columns": {"user": "user", "session": "session", "time": "time", "event": "event", "item": "item"},
        "clicks": ["click"], "other": ["scroll"],
        "attributes": [{"name": "category", "role": "category"}],
        "splits": {"validation_from": "2023-11-16", "test_from": "2023-11-17", "until": "2023-11-18"},
    }
    return parse(ImportConfig, values | changes)


def sessions(days: int = 3, per_day: int = 4) -> list[str]:
    """Sessions of three clicks a day, over ten items of two categories."""
    rows = []
    for day in range(days):
        for number in range(per_day):
            for step in range(3):
                item = (day + 2 * number + 3 * step) % 10
                rows.append(f"u{number},s{day}-{number},{START + day * DAY + number * 1000 + step * 10},click,"
                            f"i{item},c{item % 2}")
    return rows


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(errors="surrogateescape"))
    return path


def run(tmp_path: Path, rows: list[str], **changes) -> RequestLog:
    return import_events(config(**changes), [write(tmp_path / "events.csv", rows)], tmp_path / "log")


def requests_of(log: RequestLog) -> list:
    return [request for split in ("train", "validation", "test") for request in log.requests(split)]


def test_each_click_but_the_first_of_a_session_is_a_request(tmp_path):
    log = run(tmp_path, sessions())
    counts = {split: count["requests"] for split, count in log.manifest["splits"].items()}
    assert counts == {"train": 8, "validation": 8, "test": 8}


def test_candidates_are_the_click_and_distinct_others_of_the_training_split(tmp_path):
    rows = sessions()
    log = run(tmp_path, rows)
    trained = {row.split(",")[4] for row in rows if int(row.split(",")[2]) < START + DAY}
    for request in requests_of(log):
        items, labels = request.candidates["item"], request.labels["click"]
        assert sum(labels) == 1 and len(set(items)) == len(items) == 3
        assert {item for item, label in zip(items, labels, strict=True) if not label} <= trained
        clicked = labels.index(1.0)
        assert request.candidates["category"][clicked] == f"c{int(items[clicked][1:]) % 2}"


def test_history_is_all_earlier_clicks_oldest_first_with_gaps(tmp_path):
    log = run(tmp_path, sessions())
    request = max(log.requests("test"), key=lambda r: (r.features["user_id"] == "u0", r.time))
    # u0 clicked (day + 3·step) mod 10 on days 0 and 1, and twice on day 2 before this last click.
    assert request.sequences["history"]["item"] == ["i0", "i3", "i6", "i1", "i4", "i7", "i2", "i5"]
    assert request.sequences["history"]["gap"][-1] == 10.0
    assert request.sequences["history"]["gap"][0] == 2 * DAY + 20


def test_session_scope_forgets_other_sessions_and_prior_events_are_cut_by_time(tmp_path):
    day = START + 2 * DAY
    prior = write(tmp_path / "prior.csv", [f"s2-0,{day - 50},click,i9", f"s2-0,{day + 15},click,i8",
                                           f"nowhere,{START},click,i7"], "session,time,event,item")
    log = import_events(config(history_scope="session"), [write(tmp_path / "events.csv", sessions())],
                        tmp_path / "log", prior=[prior])
    found = [r for r in log.requests("test") if r.features["session_id"] == "s2-0"]
    of_session = sorted(found, key=lambda r: r.time)
    assert [r.sequences["history"]["item"] for r in of_session] == [["i9", "i2"], ["i9", "i2", "i5", "i8"]]


def test_a_prior_file_needs_histories_by_session(tmp_path):
    prior = write(tmp_path / "prior.csv", [f"s2-0,{START},click,i9"], "session,time,event,item")
    with pytest.raises(EventLogError, match=r"prior\.csv: .*need history_scope: session"):
        import_events(config(), [write(tmp_path / "events.csv", sessions())], tmp_path / "log", prior=[prior])


@pytest.mark.parametrize(("drawn_from", "drawn"), [("training", False), ("split", True)])
def test_an_item_that_is_new_in_the_test_split_is_drawn_only_if_asked_for(tmp_path, drawn_from, drawn):
    late = [f"v{k},late-{k},{START + 2 * DAY + 5000 + 100 * k + step},click,{item},c0" for k in range(9)
            for step, item in enumerate(["new-a", "new-b"])]
    log = run(tmp_path, sessions() + late,
              negatives={"popularity": 1, "same_category": 1, "same_category_from": drawn_from})

    def new_ones(split):
        return [item for request in log.requests(split)
                for item, label in zip(request.candidates["item"], request.labels["click"], strict=True)
                if item.startswith("new") and not label]
    assert bool(new_ones("test")) == drawn
    assert not new_ones("train") and not new_ones("validation"), "nothing of the test split may stand in the others"


@pytest.mark.parametrize("drawn_from", ["training", "split"])
def test_the_catalogue_has_every_candidate_as_of_its_request(tmp_path, drawn_from):
    """Drawn candidates too, which may be first seen only later."""
    late = [f"v{k},late-{k},{START + 2 * DAY + 70_000 + step},click,new-{step},c0," for k in range(3) for step in range(3)]
    rows = [f"{row},{'' if ',i3,' in row else 1.5}" for row in sessions()] + late
    log = import_events(
        config(attributes=[{"name": "category", "role": "category"}, {"name": "price", "kind": "number"}],
               negatives={"same_category": 3, "same_category_from": drawn_from}),
        [write(tmp_path / "events.csv", rows, HEADER + ",price")], tmp_path / "log")
    assert_candidates_stand_in_the_catalogue(log)
    assert log.manifest["catalogue"] == {"rows": 13, "items": 13}
    since = [log.catalogue().as_of(f"new-{step}", START + 3 * DAY).valid_from for step in range(3)]
    seen = [START + 2 * DAY + 70_000 + step for step in range(3)]
    assert (since == seen) == (drawn_from == "training") and all(a <= b for a, b in zip(since, seen, strict=True))


def test_popularity_is_how_often_an_item_was_clicked_strictly_before_the_request(tmp_path):
    """By anybody, in any split; neither the click itself nor another one of the same second counts."""
    rows = [*sessions(), f"v,s-v,{START + 10},click,i3,c1", f"v,s-v,{START + 10},click,i5,c1"]
    log = run(tmp_path, rows)
    clicks = [(row.split(",")[4], int(row.split(",")[2])) for row in rows]
    found = set()
    for request in requests_of(log):
        for item, popularity in zip(request.candidates["item"], request.candidates["popularity"], strict=True):
            assert popularity == sum(clicked == item and time < request.time for clicked, time in clicks), (item, request.time)
            found.add(popularity)
    assert {0.0, 1.0, 2.0} <= found


def test_impressions_with_a_request_id(tmp_path):
    rows = []
    for day in range(3):
        at = START + day * DAY
        rows += [f"u,r{day}-a,{at},show,x,c0", f"u,r{day}-a,{at},show,y,c1", f"u,r{day}-a,{at + 30},click,y,c1",
                 f"u,r{day}-b,{at + 10},show,z,c0", f"u,r{day}-b,{at + 10},show,x,c0", f"u,r{day}-c,{at + 30},show,z,c0"]
    log = import_events(
        config(columns={"user": "user", "request": "request", "time": "time", "event": "event", "item": "item"},
               impressions=["show"]),
        [write(tmp_path / "events.csv", rows, "user,request,time,event,item,category")], tmp_path / "log")
    first, second, third = sorted(log.requests("test"), key=lambda r: r.time)
    assert (first.candidates["item"], first.labels["click"]) == (["x", "y"], [0.0, 1.0])
    assert (second.candidates["item"], second.labels["click"]) == (["z", "x"], [0.0, 0.0])
    # The click of the first page came after the second page was shown, and in the very second of the third.
    assert [page.sequences["history"]["item"] for page in (first, second, third)] == [["y", "y"]] * 3


def test_same_seed_same_log(tmp_path):
    logs = [import_events(config(), [write(tmp_path / "events.csv", sessions())], tmp_path / name) for name in "ab"]
    assert requests_of(logs[0]) == requests_of(logs[1])


def test_parquet_and_gzip_read_like_csv(tmp_path):
    plain = write(tmp_path / "events.csv", sessions())
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{plain}')) TO '{tmp_path / 'events.parquet'}' (FORMAT parquet)")
    (tmp_path / "events.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    logs = [import_events(config(), [tmp_path / name], tmp_path / name.replace(".", "-"))
            for name in ("events.csv", "events.parquet", "events.csv.gz")]
    assert requests_of(logs[0]) == requests_of(logs[1]) == requests_of(logs[2])


@pytest.mark.parametrize(("row", "reason"), [
    (f"u,s,{START},click,,c0", "no item"),
    (f",,{START},click,i,c0", "no user or session"),
    (f"u,s,{START},dance,i,c0", "unknown event type dance"),
    ("u,s,9999999999,click,i,c0", "time lies in the future"),
    ("u,s,yesterday,click,i,c0", "time can not be read"),
    ("u,s,nan,click,i,c0", "time can not be read"),
    ("u,s,inf,click,i,c0", "time lies in the future"),
    ("u,s,1e300,click,i,c0", "time lies in the future"),
    ("u,s,-5,click,i,c0", "time lies before 1970"),
    ("u,s", "no item"),
    (f"u,s,{START},click,i,c0,more", "more fields than the header"),
    (f"u,s,{START},click,caf\udce9,c0", "not UTF-8"),
])
def test_a_bad_row_is_rejected_with_its_reason_and_place(tmp_path, row, reason):
    log = run(tmp_path, [*sessions(), row], max_rejected_share=0.5)
    assert list(log.manifest["rejected"]) == [reason]
    with files.open_file(files.join(log.path, "rejected.csv")) as file:
        [rejected] = list(csv.DictReader(file))
    assert rejected["reason"] == reason and rejected["file"].endswith("events.csv")
    assert int(rejected["row"]) == len(sessions()) + 1


def test_a_bad_row_of_a_file_with_columns_that_are_not_used_is_rejected(tmp_path):
    rows = [f"1,2,{row}" for row in [*sessions(), f"u,s,{START},click,caf\udce9,c0"]]
    log = import_events(config(), [write(tmp_path / "events.csv", rows, f"x,y,{HEADER}")], tmp_path / "log")
    assert log.manifest["rejected"] == {"not UTF-8": 1}


def test_rejected_rows_far_down_keep_their_numbers_and_quotes_count_there(tmp_path):
    """DuckDB guesses the form of a CSV from its first 20,000 rows; what comes later must not be read by that guess."""
    many = [f"u,long,{START + k},scroll,i1,c1" for k in range(21_000)]
    bad = [f"u,s,{START},click,i,c0,more", f"u,s,{START},click,,c0", f"u,s,{START},click,caf\udce9,c0", "u,s"]
    log = run(tmp_path, [*sessions(), *many, *bad, f'u,s,{START},click,"one, ""two""",c0', f"u,s,{START},dance,i,c0"])
    first = len(sessions()) + len(many) + 1
    with files.open_file(files.join(log.path, "rejected.csv")) as file:
        found = [(int(row["row"]), row["reason"]) for row in csv.DictReader(file)]
    assert found == [(first, "more fields than the header"), (first + 1, "no item"), (first + 2, "not UTF-8"),
                     (first + 3, "no item"), (first + 5, "unknown event type dance")]
    assert log.manifest["rows"] == first + 5


@pytest.mark.parametrize("price", ["cheap", "inf", "-inf", "1e60"])
def test_a_number_that_is_none_is_rejected(tmp_path, price):
    rows = [f"{row},1.5" for row in sessions()] + [f"u,s,{START},click,i,c0,{price}"]
    log = import_events(
        config(attributes=[{"name": "category", "role": "category"}, {"name": "price", "kind": "number"}],
               max_rejected_share=0.5),
        [write(tmp_path / "events.csv", rows, HEADER + ",price")], tmp_path / "log")
    assert log.manifest["rejected"] == {"price is not a number": 1}


@pytest.mark.parametrize("price", ["", "nan"])
def test_a_number_that_is_missing_stays_missing(tmp_path, price):
    rows = [f"{row},{price if ',i3,' in row else 1.5}" for row in sessions()]
    log = import_events(
        config(attributes=[{"name": "category", "role": "category"}, {"name": "price", "kind": "number"}]),
        [write(tmp_path / "events.csv", rows, HEADER + ",price")], tmp_path / "log")
    found = {(item == "i3", math.isnan(price)) for request in requests_of(log)
             for item, price in zip(request.candidates["item"], request.candidates["price"], strict=True)}
    assert found == {(True, True), (False, False)}


def test_too_many_bad_rows_fail_the_import_and_leave_the_list(tmp_path):
    with pytest.raises(EventLogError, match="no item: 9"):
        run(tmp_path, [*sessions(), *[f"u,s,{START},click,,c0"] * 9])
    assert not (tmp_path / "log").exists()
    assert len((tmp_path / "log.rejected.csv").read_text().splitlines()) == 10


def test_events_after_the_end_are_dropped_and_counted(tmp_path):
    log = run(tmp_path, [*sessions(), f"u9,s9,{START + 3 * DAY},click,i1,c1"])
    assert log.manifest["dropped_after_until"] == 1


@pytest.mark.parametrize(("name", "content", "message"), [
    ("empty.csv", "", "is empty"),
    ("header.csv", HEADER + "\n", "has no rows"),
    ("missing.csv", HEADER.replace("item", "itm") + "\nu,s,1,click,i,c\n", "no column 'item'.*did you mean 'itm'"),
    ("events.xlsx", "x", "unknown file type"),
    ("events.parquet", "x", "can not be read"),
    ("events.csv.gz", "not gzip", "no gzip"),
])
def test_an_unusable_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(EventLogError, match=message):
        import_events(config(), [tmp_path / name], tmp_path / "log")
    assert not list(tmp_path.glob("log*"))


def test_an_absent_file_and_a_wrong_config_are_named(tmp_path):
    with pytest.raises(EventLogError, match="no such file"):
        import_events(config(), [tmp_path / "nowhere.csv"], tmp_path / "log")
    with pytest.raises(ConfigError, match="no such file.*rees46"):
        load_import_config("rees47")
    with pytest.raises(ConfigError, match="did you mean 'clicks'"):
        config(click=["view"])
    for name in ("popularity", "valid_from"):
        with pytest.raises(ConfigError, match=f"the attribute name '{name}' is taken"):
            config(attributes=[{"name": name, "role": "category"}])
    with pytest.raises(ConfigError, match="event type 'click' stands more than once"):
        config(other=["click"])
    with pytest.raises(ConfigError, match="test_from before until"):
        config(splits={"validation_from": "2023-11-16", "test_from": "2023-11-19", "until": "2023-11-18"})


def test_an_empty_split_and_an_existing_log_are_refused(tmp_path):
    with pytest.raises(RequestLogError, match="no request fell into test"):
        run(tmp_path, sessions(days=2))
    run(tmp_path, sessions())
    with pytest.raises(RequestLogError, match="exists already"):
        run(tmp_path, sessions())


@pytest.mark.slow
def test_rees46_by_its_protocol(tmp_path):
    data = shared_data("rees46")
    log = import_events(load_import_config("rees46"), [data / "session_events.csv.gz"], tmp_path / "log",
                        prior=[data / "prior_history.csv.gz"])
    splits = log.manifest["splits"]
    assert log.manifest["rows"] == 182_229 + 76_883 and not log.manifest["rejected"]
    assert (splits["train"]["requests"], splits["validation"]["requests"], splits["test"]["requests"]) == (
        84_935, 16_273, 48_345)
    assert splits["test"]["candidates"] == 3 * 48_345
    # 1 and 2 October 2019, in seconds: nothing of the report day may be trained on.
    assert max(splits[s]["last_time"] for s in ("train", "validation")) < 1_569_974_400 <= splits["test"]["first_time"]


@pytest.mark.slow
@pytest.mark.parametrize("log_of", ["clicks", "impressions", "all"])
def test_the_log_does_not_depend_on_the_number_of_shards(tmp_path, monkeypatch, log_of):
    """Nor on the processes that made them."""
    columns = {"user": "user", "session": "session", "time": "time", "event": "event", "item": "item"}
    changes = {} if log_of == "clicks" else {"columns": columns | {"request": "page"}, "impressions": ["show"]}
    if log_of == "all":
        write(tmp_path / "users.csv", [f"u{k},{START + k * DAY // 4},{k}" for k in range(8)], "user,since,age")
        changes |= {
            "other": [], "counters": [{"of": "item"}, {"of": ["user", "category"], "windows": ["1d"]}],
            "labels": [{"name": "again", "events": ["click"], "within": "12h"}],
            "sequences": [{"name": "shown", "events": ["show"]}], "clock": {"features": ["hour"]},
            "tables": [{"file": str(tmp_path / "users.csv"), "of": "user", "key": "user", "time": "since",
                        "features": [{"name": "age", "kind": "number"}]}]}
    rows = [f"{row},p{row.split(',')[1]}" for row in sessions(per_day=8)]
    if log_of != "clicks":
        rows += [row.replace(",click,", ",show,") for row in rows]
    events = write(tmp_path / "events.csv", rows, HEADER + ",page")
    found, catalogues = [], []
    for most in (1_000_000, 20):
        monkeypatch.setattr("zoo.data.importer.importer.SHARD_EVENTS", most)
        log = import_events(config(**changes), [events], tmp_path / f"log-{most}")
        # The features of an example have no order of their own.
        found.append({split: sorted(tf.train.Example.FromString(one).SerializeToString(deterministic=True)
                                    for one in log.serialized(split)) for split in ("train", "validation", "test")})
        catalogues.append(log.catalogue().table)
    assert found[0] == found[1] and catalogues[0].equals(catalogues[1])
    assert len(log.files("train")) > 1


def test_what_a_session_of_training_does_in_the_test_period_is_left_out_and_counted(tmp_path):
    late = [f"u9,over-midnight,{START + 2 * DAY + step},click,i{step % 7},c0" for step in (-60, -30, 30, 60)]
    log = run(tmp_path, [*sessions(), *late])
    assert log.manifest["notes"]["requests_of_earlier_sessions_in_the_test_period_left_out"] == 2
    assert log.manifest["splits"]["validation"]["requests"] == 9
    assert log.manifest["splits"]["validation"]["last_time"] < START + 2 * DAY <= log.manifest["splits"]["test"]["first_time"]


def test_users_without_sessions_fall_into_the_splits_by_the_time_of_each_request(tmp_path):
    rows = [row.split(",", 2)[0] + "," + row.split(",", 2)[2] for row in sessions()]
    log = import_events(config(columns={"user": "user", "time": "time", "event": "event", "item": "item"}),
                        [write(tmp_path / "events.csv", rows, "user,time,event,item,category")], tmp_path / "log")
    counts = {split: count["requests"] for split, count in log.manifest["splits"].items()}
    # Of each of the four users, all but the very first click.
    assert counts == {"train": 8, "validation": 12, "test": 12}
    assert log.manifest["splits"]["train"]["last_time"] < START + DAY <= log.manifest["splits"]["validation"]["first_time"]
