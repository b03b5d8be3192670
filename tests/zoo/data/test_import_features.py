"""What the import makes of a log beside items and clicks: counters, labels, tables, histories of several kinds, sessions."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from tests.zoo.data.catalogues import assert_candidates_stand_in_the_catalogue
from tests.zoo.data.test_importer import DAY, HEADER, START, config, requests_of, write
from zoo.config import ConfigError
from zoo.data.importer import ImportConfig, import_events
from zoo.data.importer.events import EventLogError
from zoo.data.request import Request
from zoo.data.request_log import RequestLog

HOUR = 3_600
PAGES = "user,page,time,event,item,category,stay,device"
COLUMNS = {"user": "user", "request": "page", "time": "time", "event": "event", "item": "item"}
Row = dict[str, str]


def pages(**changes) -> ImportConfig:
    """Of a log of impressions with clicks and what comes of them."""
    return config(**{"columns": COLUMNS, "impressions": ["show"], "other": ["scroll", "buy", "cart"]} | changes)


def page_log(seed: int = 1, count: int = 60) -> list[str]:
    """Three days of pages of three items; a third are clicked, of which half are bought some hours later."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        user, time = f"u{draw.randrange(4)}", START + number * 3 * DAY // count + draw.randrange(5) * 60
        for item in draw.sample(range(8), 3):
            about = f"{item},{'' if item == 7 else f'c{item % 3}'}"
            rows.append(f"{user},p{number},{time},show,i{about},,d{number % 2}")
            if draw.random() < 0.4:
                stay = draw.randrange(1, 200)
                rows.append(f"{user},p{number},{time + 20},click,i{about},{stay},d{number % 2}")
                if draw.random() < 0.6:
                    rows.append(f"{user},,{time + draw.randrange(1, 20) * HOUR},{draw.choice(['buy', 'cart'])},i{about},7,")
    return rows


def parsed(rows: list[str]) -> list[Row]:
    return [dict(zip(PAGES.split(","), row.split(","), strict=True)) for row in rows]


def imported(folder: Path, rows: list[str], settings: ImportConfig, header: str = PAGES) -> RequestLog:
    folder.mkdir(exist_ok=True)
    return import_events(settings, [write(folder / "events.csv", rows, header)], folder / "log")


def candidates(log: RequestLog) -> list[tuple[Request, int, dict]]:
    """`(request, place, values by feature and label)` of every candidate."""
    return [(request, place, {name: values[place] for name, values in {**request.candidates, **request.labels}.items()})
            for request in requests_of(log) for place in range(len(request.candidates["item"]))]


# ---- counters --------------------------------------------------------------------------------------------------------


COUNTERS = [{"of": "item", "windows": ["6h", "24h", "all"]}, {"of": "category", "counts": ["clicks", "buy"], "windows": ["1d"]},
            {"of": ["user", "category"], "counts": "clicks"}, {"of": "user", "counts": ["impressions"], "delay": "1h"},
            {"of": "item", "counts": "clicks", "windows": ["2d"], "delay": "1d", "buckets": 4}]


def test_counters_count_what_lies_strictly_before_the_request_in_its_window(tmp_path):
    """Compared with the same counted row by row."""
    rows = page_log()
    log = imported(tmp_path, rows, pages(counters=COUNTERS))
    events = parsed(rows)

    def count(what, end, window, **keys):
        return sum(event["event"] == what and end - window <= int(event["time"]) < end
                   and all(event[name] == value for name, value in keys.items()) for event in events)

    def rate(end, window, item):
        mean = (count("click", end, window) + 1) / (count("show", end, window) + 2)
        return (count("click", end, window, item=item) + 20 * mean) / (count("show", end, window, item=item) + 20)

    seen = set()
    for request, _, values in candidates(log):
        time, item, category, user = request.time, values["item"], values["category"], request.features["user_id"]
        for name, window in (("6h", 6 * HOUR), ("1d", DAY), ("all", time)):
            assert values[f"item_impressions_{name}"] == count("show", time, window, item=item)
            assert values[f"item_clicks_{name}"] == count("click", time, window, item=item)
            assert values[f"item_rate_{name}"] == pytest.approx(rate(time, window, item))
        assert values["item_clicks_2d"] == count("click", time - DAY, 2 * DAY, item=item)
        assert request.features["user_impressions_all"] == count("show", time - HOUR, time, user=user)
        if not category:
            assert math.isnan(values["category_clicks_1d"]) and math.isnan(values["user_category_clicks_all"])
            continue
        assert values["category_clicks_1d"] == count("click", time, DAY, category=category)
        assert values["category_buy_1d"] == count("buy", time, DAY, category=category)
        assert values["user_category_clicks_all"] == count("click", time, time, user=user, category=category)
        seen |= {(name, values[name]) for name in ("category_buy_1d", "user_category_clicks_all", "item_clicks_6h")}
    assert len(seen) > 10, "the log must tell counts apart"
    schema = log.schema
    assert [feature.name for feature in schema.request] == ["user_impressions_all"]
    assert next(c for c in schema.columns("candidate") if c.name == "candidate_item_clicks_2d").feature.buckets == 4


def test_counters_of_a_log_of_clicks_count_in_any_split_and_by_session_histories(tmp_path):
    rows = [f"u{k % 3},s{k // 4},{START + k * 3 * DAY // 90},click,i{k % 5},c{k % 5 % 2}" for k in range(90)]
    log = import_events(config(counters=[{"of": ["user", "item"]}, {"of": "item"}], history_scope="session"),
                        [write(tmp_path / "events.csv", rows)], tmp_path / "log")
    events = [row.split(",") for row in rows]
    for request, _, values in candidates(log):
        before = [event for event in events if int(event[2]) < request.time and event[4] == values["item"]]
        assert values["item_clicks_all"] == values["popularity"] == len(before)
        assert values["user_item_clicks_all"] == sum(event[0] == request.features["user_id"] for event in before)


@pytest.mark.parametrize(("counter", "message"), [
    ({"of": "brand"}, "'brand' is neither item, user nor an attribute with ids; valid: category, item, user"),
    ({"of": "item", "windows": ["1 month"]}, "counters.0.windows.*expected a span of time such as 30m, 24h or 7d"),
    ({"of": "item", "counts": ["rate"]}, "a log of clicks alone has no impressions, and no rate"),
    ({"of": ["item", "item"]}, "'item' stands twice in one counter"),
])
def test_a_counter_that_can_not_be_is_refused(counter, message):
    with pytest.raises(ConfigError, match=message):
        config(counters=[counter])


# ---- labels ----------------------------------------------------------------------------------------------------------


def test_labels_look_as_far_ahead_as_they_say_and_are_not_known_past_the_end_of_their_split(tmp_path):
    rows = page_log(2, count=90)
    log = imported(tmp_path, rows, pages(labels=[
        {"name": "purchase", "events": ["buy"], "within": "6h"}, {"name": "stay", "column": "stay"},
        {"name": "worth", "events": ["buy", "cart"], "within": "6h", "column": "stay", "weight": 0.5}]))
    ends = {"train": START + DAY, "validation": START + 2 * DAY, "test": START + 3 * DAY}
    events, found = parsed(rows), []
    for split, end in ends.items():
        for request in log.requests(split):
            for place, item in enumerate(request.candidates["item"]):
                click, purchase, stay, worth = (request.labels[name][place] for name in ("click", "purchase", "stay", "worth"))
                own = [e for e in events if (e["page"], e["item"], e["event"]) == (request.request_id, item, "click")]
                assert click == len(own)
                if not own:
                    assert purchase == 0 and math.isnan(stay) and math.isnan(worth)
                    continue
                at = int(own[0]["time"])
                later = [e for e in events if e["user"] == own[0]["user"] and e["item"] == item
                         and at <= int(e["time"]) < at + 6 * HOUR and e["event"] in ("buy", "cart")]
                assert stay == float(own[0]["stay"])
                if at + 6 * HOUR > end:
                    assert math.isnan(purchase) and math.isnan(worth)
                else:
                    assert purchase == any(e["event"] == "buy" for e in later)
                    assert worth == 7 if later else math.isnan(worth)
                found.append((split, purchase))
    assert {("train", 1.0), ("train", 0.0), ("test", 1.0), ("validation", 0.0)} <= set(found)
    unknown = sum(math.isnan(purchase) for _, purchase in found)
    assert log.manifest["notes"]["clicks_whose_purchase_was_not_known_at_the_end_of_the_split"] == unknown > 0
    assert [(label.name, label.kind, label.given) for label in log.schema.labels] == [
        ("click", "binary", None), ("purchase", "binary", "click"), ("stay", "regression", None), ("worth", "regression", None)]


def test_a_log_that_ends_long_before_until_does_not_call_its_last_clicks_failures(tmp_path):
    rows = [row for row in page_log(2, count=90) if int(row.split(",")[2]) < START + 2 * DAY + 12 * HOUR]
    log = imported(tmp_path, rows, pages(labels=[{"name": "purchase", "events": ["buy"], "within": "6h"}]))
    last = max(int(row.split(",")[2]) for row in rows)
    known = {request.time + 20 + 6 * HOUR <= last + 1 for request, _, values in candidates(log)
             if request.time > START + 2 * DAY and values["click"] and not math.isnan(values["purchase"])}
    assert known == {True}


def test_a_purchase_of_another_session_counts_where_histories_are_by_session(tmp_path):
    rows = [f"u{day},s{day}-{part},{START + day * DAY + part * 100 + step},{event},i{step},c"
            for day in range(3) for part, event in ((0, "click"), (1, "buy")) for step in range(2)]
    rows.append(f"u0,late,{START + 3 * DAY - 1},scroll,i0,c")
    log = import_events(config(history_scope="session", other=["buy", "scroll"], labels=[
        {"name": "purchase", "events": ["buy"], "within": "2m"}]), [write(tmp_path / "events.csv", rows)], tmp_path / "log")
    for _, _, values in candidates(log):
        assert values["purchase"] == values["click"]


@pytest.mark.parametrize(("label", "message"), [
    ({"name": "purchase", "events": ["buy"]}, "`events` and `within` go together"),
    ({"name": "purchase"}, "say which `events` make it, or the `column`"),
    ({"name": "click", "column": "stay"}, "declared twice: label_click"),
    ({"name": "purchase", "events": ["buy"], "within": "1d"}, "'purchase' looks 1d ahead, and the validation split is no"),
])
def test_a_label_that_can_not_be_is_refused(label, message):
    with pytest.raises(ConfigError, match=message):
        pages(labels=[label])


def test_a_label_needs_its_column(tmp_path):
    with pytest.raises(EventLogError, match=r"no column 'sty' \(for stay\); did you mean 'stay'"):
        imported(tmp_path, page_log(), pages(labels=[{"name": "stay", "column": "sty"}]))


# ---- tables, context and clock ---------------------------------------------------------------------------------------


def test_tables_are_joined_as_of_the_request(tmp_path):
    rows = page_log(3)
    noon = START + DAY + 12 * HOUR
    write(tmp_path / "users.csv", ["u0,0,20,basel", f"u0,{noon},21,bern", f"u1,{noon},30,", "u9,0,5,x",
                                   f"u1,{noon},31,bonn"], "who,since,age,city")
    write(tmp_path / "items.csv", [f"i{k};b{k % 2};{10 + k}" for k in range(7)] + [f"i1;late;99;{noon}"],
          "product;brand;price;valid_from")
    write(tmp_path / "pages.csv", [f"p{k},q{k % 4}" for k in range(0, 60, 2)], "page,query")
    write(tmp_path / "weather.csv", ["2023-11-15,rain", "2023-11-16,sun", "2023-11-17,snow"], "date,weather")
    settings = pages(tables=[
        {"file": str(tmp_path / "users.csv"), "of": "user", "key": "who", "time": "since",
         "features": [{"name": "age", "kind": "number"}, {"name": "city"}]},
        {"file": str(tmp_path / "items.csv"), "of": "item", "key": "product", "time": "valid_from",
         "features": [{"name": "brand", "role": "brand"}, {"name": "price", "kind": "number"}]},
        {"file": str(tmp_path / "pages.csv"), "of": "request", "key": "page", "features": [{"name": "query"}]},
        {"file": str(tmp_path / "weather.csv"), "of": "time", "time": "date", "delay": "1d", "features": [{"name": "weather"}]},
    ], context=[{"name": "device"}], clock={"features": ["hour", "weekday"], "time_zone": "America/New_York"},
        max_rejected_share=0.2)
    with pytest.raises(EventLogError, match="time can not be read: 7"):  # of items.csv: seven rows have no time
        imported(tmp_path, rows, settings.model_copy(update={"max_rejected_share": 0.0}))
    write(tmp_path / "items.csv", [f"i{k};b{k % 2};{10 + k};0" for k in range(7)] + [f"i1;late;99;{noon}"],
          "product;brand;price;valid_from")
    log = imported(tmp_path, rows, settings)
    late = set()
    for request, _, values in candidates(log):
        features, time = request.features, request.time
        after = time >= noon
        number = int(request.request_id[1:])
        if features["user_id"] == "u0":
            assert (features["age"], features["city"]) == ((21.0, "bern") if after else (20.0, "basel"))
        elif features["user_id"] == "u1" and after:
            assert (features["age"], features["city"]) == (31.0, "bonn")
        else:
            assert math.isnan(features["age"]) and features["city"] == ""
        assert features["query"] == ("" if number % 2 else f"q{number % 4}")
        assert features["weather"] == ["", "rain", "sun"][(time - START) // DAY]
        assert features["device"] == f"d{number % 2}"
        assert features["hour"] == str((time - START - 5 * HOUR) // HOUR % 24)
        assert features["weekday"] == str(2 + (time - START + 19 * HOUR) // DAY)  # 2023-11-15 was a Wednesday
        item = int(values["item"][1:])
        expected = ("", math.nan) if item == 7 else ("late", 99.0) if item == 1 and after else (f"b{item % 2}", 10.0 + item)
        assert values["brand"] == expected[0] and (values["price"] == expected[1] or item == 7)
        late.add((item == 1, after))
        past = request.sequences["history"]
        for event, brand, gap in zip(past["item"], past["brand"], past["gap"], strict=True):
            changed = event == "i1" and time - gap >= noon
            assert brand == ("" if event == "i7" else "late" if changed else f"b{int(event[1:]) % 2}")
    assert (True, True) in late and (True, False) in late
    assert_candidates_stand_in_the_catalogue(log)
    assert log.manifest["catalogue"] == {"rows": 9, "items": 8}
    notes = log.manifest["notes"]
    assert notes["rows_of_the_user_table_about_none_of_the_log"] == 1
    assert notes["rows_of_the_user_table_with_key_and_time_of_a_later_row"] == 1
    assert notes["requests_without_a_row_of_the_request_table"] == 30
    assert notes["candidates_without_a_row_of_the_item_table"] == sum(
        item == "i7" for request in requests_of(log) for item in request.candidates["item"])


def test_the_time_of_a_table_in_another_unit_is_said(tmp_path):
    write(tmp_path / "users.csv", [f"u{k},{START + k}000,{20 + k}" for k in range(4)], "who,since,age")
    with pytest.raises(EventLogError, match=r"users.csv: 100% of the times lie in the future.*`time_unit: ms` they would"):
        imported(tmp_path, page_log(), pages(tables=[
            {"file": str(tmp_path / "users.csv"), "of": "user", "key": "who", "time": "since", "features": [{"name": "age"}]}]))


def test_paths_of_tables_are_relative_to_the_configuration(tmp_path, monkeypatch):
    from zoo.data.importer import load_import_config

    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.yaml").write_text(
        "name: shop\ncolumns: {user: u, time: t, item: i}\nnegatives: none\n"
        "splits: {validation_from: 2023-11-16, test_from: 2023-11-17, until: 2023-11-18}\n"
        "tables: [{file: users.csv, of: user, key: u, features: [{name: age}]}]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_import_config("shop/shop.yaml").tables[0].file == "shop/users.csv"


@pytest.mark.parametrize(("changes", "message"), [
    ({"tables": [{"file": "x.csv", "of": "user", "features": [{"name": "age"}]}]}, "a table of users needs the `key`"),
    ({"tables": [{"file": "x.csv", "of": "time", "key": "k", "features": [{"name": "age"}]}]}, "has no `key`, only a `time`"),
    ({"tables": [{"file": "x.csv", "of": "user", "key": "u", "features": [{"name": "age"}]}], "context": [{"name": "age"}]},
     "declared twice: age"),
    ({"clock": {"features": ["hour"], "time_zone": "Mars"}}, "'Mars' is no time zone"),
    ({"session_gap": "30m"}, "columns.session says what a session is; leave it away, or session_gap"),
    ({"sequences": [{"name": "carts", "events": ["cart"]}], "attributes": [{"name": "action", "role": "category"}],
      "history": {"action": True}}, "the attribute name 'action' is taken"),
])
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        config(**changes)


def test_nothing_in_a_request_depends_on_what_comes_after_it(tmp_path):
    """Whatever the log, and the tables, go on to say: requests of before are the same."""
    turn = START + DAY + 12 * HOUR + 7
    settings = pages(
        counters=COUNTERS, history={"events": ["click", "buy"], "action": True}, clock={"features": ["hour"]},
        context=[{"name": "device"}], sequences=[{"name": "carts", "events": ["cart"]}],
        tables=[{"file": str(tmp_path / f"{of}s.csv"), "of": of, "key": "key", "time": "since", "features": [{"name": name}]}
                for of, name in (("user", "city"), ("item", "brand"))])
    found = []
    for other in (21, 22):
        rows = [row for row in page_log(20) if int(row.split(",")[2]) < turn]
        rows += [row.replace(",p", ",later") for row in page_log(other) if int(row.split(",")[2]) >= turn]
        for of in ("user", "item"):
            write(tmp_path / f"{of}s.csv", [f"{of[0]}{k},{time},x{k + (other if time >= turn else 0)}" for k in range(8)
                                           for time in (START, turn - 1, turn)], "key,since,value".replace("value", {
                                               "user": "city", "item": "brand"}[of]))
        log = imported(tmp_path / str(other), rows, settings)
        found.append({request.request_id: request for request in requests_of(log) if request.time < turn})
    assert len(found[0]) > 20
    for name, request in found[0].items():
        other = found[1][name]
        assert repr((request.features, request.sequences, request.candidates)) == repr(
            (other.features, other.sequences, other.candidates))


# ---- histories, sessions, negatives ----------------------------------------------------------------------------------


def test_event_types_make_one_history_with_actions_or_several(tmp_path):
    rows = page_log(4)
    log = imported(tmp_path, rows, pages(
        history={"events": ["click", "buy", "cart"], "max_length": 6, "action": True},
        sequences=[{"name": "clicks", "events": ["click"], "max_length": 100, "role": "long_behaviours"},
                   {"name": "purchases", "events": ["buy"], "max_length": 2}]))
    events = sorted(parsed(rows), key=lambda event: int(event["time"]))
    compared = 0
    for request in requests_of(log):
        before = [(e["item"], e["event"], float(request.time - int(e["time"]))) for e in events
                  if e["user"] == request.features["user_id"] and int(e["time"]) < request.time]
        for name, wanted, length in (("history", ("click", "buy", "cart"), 6), ("clicks", ("click",), 100),
                                     ("purchases", ("buy",), 2)):
            found, past = request.sequences[name], [event for event in before if event[1] in wanted][-length:]
            actions = found.get("action", [event[1] for event in past])
            assert list(zip(found["item"], actions, found["gap"], strict=True)) == past
            compared += len(past)
    assert compared > 300
    schema = log.schema
    assert [(one.name, one.role, one.max_length) for one in schema.sequences] == [
        ("history", "behaviours", 6), ("clicks", "long_behaviours", 100), ("purchases", "other", 2)]
    assert [c.name for c in schema.columns("sequence") if c.feature.role == "action"] == ["history_action"]


def test_an_event_type_that_is_nowhere_in_the_log_is_noted(tmp_path):
    log = imported(tmp_path, page_log(), pages(sequences=[{"name": "returns", "events": ["return"]}]))
    assert log.manifest["notes"]["event_type_return_named_in_the_configuration_and_not_in_the_log"] == 1


@pytest.mark.parametrize("scope", ["user", "session"])
def test_sessions_are_cut_by_a_pause(tmp_path, scope):
    """The same log as one that names the sessions."""
    draw, rows, named, last = random.Random(5), [], [], {}
    for time in range(START, START + 3 * DAY, 700):
        user, item = f"u{draw.randrange(3)}", draw.randrange(7)
        began, at = last.get(user, (time, time))
        last[user] = began, at = (began if time - at <= 1_800 else time), time
        rows.append(f"{user},{time},click,i{item},c{item % 2}")
        named.append(f"{user},{user}-{began},{time},click,i{item},c{item % 2}")
    settings = config(columns={"user": "user", "time": "time", "event": "event", "item": "item"}, session_gap="30m",
                      history_scope=scope)
    log = imported(tmp_path / "cut", rows, settings, "user,time,event,item,category")
    assert requests_of(log) == requests_of(imported(tmp_path / "named", named, config(history_scope=scope), HEADER))
    assert 50 < len({request.features["session_id"] for request in requests_of(log)}) < 150


def test_a_pause_that_is_not_longer_than_the_gap_ends_no_session(tmp_path):
    rows = [f"u,{START + day * DAY + at},click,i{at % 7},c" for day in range(3) for at in (0, 60, 121)]
    log = imported(tmp_path, rows, config(columns={"user": "user", "time": "time", "event": "event", "item": "item"},
                                          session_gap="1m"), "user,time,event,item,category")
    assert [(request.time - START) % DAY for request in requests_of(log)] == [60] * 3


def clicks(count: int = 120) -> list[str]:
    return [f"u{k % 4},s{k // 6},{START + k * 3 * DAY // count},click,i{k % 11 if k < 80 else k % 17},c" for k in range(count)]


def test_uniform_negatives_are_drawn_from_the_items_of_before(tmp_path):
    rows = clicks()
    settings = config(negatives={"popularity": 0, "same_category": 0, "uniform": 4})
    log = import_events(settings, [write(tmp_path / "events.csv", rows)], tmp_path / "log")
    seen: dict[str, int] = {}
    for row in rows:
        seen.setdefault(row.split(",")[4], int(row.split(",")[2]))
    drawn: list[str] = []
    for request in requests_of(log):
        items, labels = request.candidates["item"], request.labels["click"]
        others = [item for item, label in zip(items, labels, strict=True) if not label]
        assert sum(labels) == 1 and len(set(items)) == len(items)
        assert all(seen[item] < request.time for item in others)
        known = sum(time < request.time for time in seen.values()) - (seen[items[labels.index(1.0)]] < request.time)
        assert len(others) == min(4, known)
        drawn += others if request.time > START + 2 * DAY else []
    often = [drawn.count(item) for item, time in seen.items() if time < START + 2 * DAY]
    assert min(often) > 0 and max(often) < 3 * len(drawn) / len(seen)


def test_without_negatives_each_click_is_a_request_of_one_candidate(tmp_path):
    log = import_events(config(negatives="none"), [write(tmp_path / "events.csv", clicks())], tmp_path / "log")
    assert {(tuple(request.labels["click"]), len(request.candidates["item"])) for request in requests_of(log)} == {((1.0,), 1)}
