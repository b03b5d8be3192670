"""The layouts of public event logs come in by the configurations of docs/layouts.md, with the requests that are right."""

from __future__ import annotations

import gzip
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.zoo.data.public_events import DAY, LAYOUTS, Event, Layout, events, order_number, write_orders
from zoo import files
from zoo.config import ConfigError, parse
from zoo.data.importer import ImportConfig, import_events, load_import_config
from zoo.data.importer.events import EventLogError
from zoo.data.request_log import SPLITS, RequestLog

GUIDE = Path(__file__).parents[3] / "docs/layouts.md"
EXAMPLES = {name: textwrap.dedent(text)
            for name, text in re.findall(r"<!-- example: (\w+) -->\n((?: {4}.*\n)+)", files.read_text(GUIDE))}
PAGES = ("outbrain", "alimama", "kuailive")


def configured(folder: Path, name: str, **changes) -> ImportConfig:
    """A configuration of the docs, which lies in the folder."""
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(yaml.safe_load(EXAMPLES[name]) | changes), encoding="utf-8")
    config = load_import_config(folder / f"{name}.yaml")
    assert isinstance(config, ImportConfig)
    return config


def made(log: RequestLog) -> set[tuple[str, int, str, tuple[str, ...]]]:
    return {(one.features["user_id"], one.time, one.candidates["item"][one.labels["click"].index(1.0)],
             tuple(one.sequences["history"]["item"])) for split in SPLITS for one in log.requests(split)}


def test_all_layouts_are_tried():
    assert set(EXAMPLES) == {*LAYOUTS, *PAGES, "instacart"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_makes_the_requests_that_its_events_say(tmp_path, name):
    config, layout = configured(tmp_path, name), LAYOUTS[name]
    rows = events(config)
    log = import_events(config, [layout.write(rows, tmp_path)], tmp_path / "log")
    assert log.manifest["rejected"] == {} and log.manifest["rows"] == len(rows)
    expected = layout.requests(rows, config)
    assert made(log) == expected and sum(log.manifest["splits"][split]["requests"] for split in SPLITS) == len(expected)
    for split, begin, end in (("train", None, config.splits.validation_from),
                              ("test", config.splits.test_from, config.splits.until)):
        times = [one.time for one in log.requests(split)]
        if not layout.sessions:
            assert (not begin or min(times) >= begin.timestamp()) and max(times) < end.timestamp()


def test_a_packed_json_is_the_file(tmp_path):
    config = configured(tmp_path, "amazon")
    path = LAYOUTS["amazon"].write(events(config), tmp_path)
    Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
    logs = [import_events(config, [one], tmp_path / str(number)) for number, one in enumerate((path, f"{path}.gz"))]
    assert made(logs[0]) == made(logs[1])


def test_instacarts_orders_are_numbered_and_stand_in_a_file_of_their_own(tmp_path):
    config = configured(tmp_path, "instacart", splits={
        "validation_from": "1970-01-01T00:00:04", "test_from": "1970-01-01T00:00:05", "until": "1970-01-01T00:01:41"})
    rows = [Event(user, 100 * user + number, number, 0, (user * number + place) % 11)
            for number in range(1, 7) for user in range(1, 12) for place in range(3)]
    write_orders(rows, tmp_path)
    lines = [f"{one.session},{one.item},{place % 3 + 1},0" for place, one in enumerate(rows)]
    (tmp_path / "order_products__prior.csv").write_text(
        "\n".join(["order_id,product_id,add_to_cart_order,reordered", *lines, "99999,1,1,0"]) + "\n", encoding="utf-8")
    log = import_events(config, [tmp_path / "order_products__prior.csv"], tmp_path / "log")
    layout = Layout("", "", lambda e: [], lambda e: f"{e.user}", lambda e: f"{e.item}", lambda e: order_number(e, rows),
                    sessions=True)
    assert made(log) == layout.requests(rows, config)
    assert log.manifest["rejected"] == {"time can not be read": 1}, "the order that stands nowhere"
    assert {one.features["weekday"] for one in log.requests("test")} == {"5", "6"}


def pages(log: RequestLog) -> dict[tuple[str, int], tuple[list[str], list[float]]]:
    return {(one.features["user_id"], one.time): (one.candidates["item"], one.labels["click"])
            for split in SPLITS for one in log.requests(split)}


def test_outbrains_displays_and_alimamas_seconds_are_pages(tmp_path):
    rows = [(display, f"u{display % 7}", display * 60_000 * 40, ad, int(ad == display % 3)) for display in range(1, 480)
            for ad in range(4)]
    config = configured(tmp_path, "outbrain")
    shown = [f"{display},{100 + ad},{clicked}" for display, _, _, ad, clicked in rows]
    said = list(dict.fromkeys(f"{display},{user},5,{time},{display % 3},US>CA" for display, user, time, _, _ in rows))
    (tmp_path / "clicks_train.csv").write_text("\n".join(["display_id,ad_id,clicked", *shown]))
    header = "display_id,uuid,document_id,timestamp,platform,geo_location"
    (tmp_path / "events.csv").write_text("\n".join([header, *said[::-1]]))
    expected = {(user, time // 1_000): (["100", "101", "102", "103"], [float(one == display % 3) for one in range(4)])
                for display, user, time, _, _ in rows}
    log = import_events(config, [tmp_path / "clicks_train.csv"], tmp_path / "log")
    assert pages(log) == expected and not log.manifest["rejected"]
    assert {one.features["platform"] for one in log.requests("test")} == {"0", "1", "2"}

    config = configured(tmp_path, "alimama")
    start = int(config.splits.until.timestamp()) - 14 * DAY
    lines = [f"{user[1:]},{start + time // 1_000},{100 + ad},430539_100{ad % 2},{1 - clicked},{clicked}"
             for _, user, time, ad, clicked in rows]
    (tmp_path / "raw_sample.csv").write_text("\n".join(["user,time_stamp,adgroup_id,pid,nonclk,clk", *lines]))
    log = import_events(config, [tmp_path / "raw_sample.csv"], tmp_path / "log2")
    assert pages(log) == {(user[1:], start + time): what for (user, time), what in expected.items()}


def test_kuailives_rooms_have_a_begin_an_end_and_gifts(tmp_path):
    config = configured(tmp_path, "kuailive")
    start = int(config.splits.until.timestamp() - 8 * DAY) * 1_000
    # Room r of streamer r % 4 is open from hour r on, for six hours; the last ones are not described.
    hour = 3_600_000
    rooms = [f"20250518,{room},{room % 4},{room % 2},{start + room * hour},{start + (room + 6) * hour},cat{room % 3},0"
             for room in range(180)]
    (tmp_path / "room.csv").write_text("\n".join(
        ["p_date,live_id,streamer_id,live_type,start_timestamp,end_timestamp,live_content_category,live_name_id", *rooms]))
    shown = [(user, room, start + room * 3_600_000 + 7_000 * user + 13) for room in range(186) for user in range(9)
             if room < 180 or user == 0]
    clicked = {one for one in shown if (one[0] + one[1]) % 3 == 0}
    late, early = (3, 20, start + 26 * 3_600_000), (3, 20, start + 20 * 3_600_000 - 1)
    unclicked = [*sorted(set(shown) - clicked), late, early]
    rows = {"click": [f"{user},{room},{room % 4},{time},{1_000 * user}" for user, room, time in sorted(clicked)],
            "negative": [f"{user},{room},{room % 4},{time}" for user, room, time in unclicked],
            "gift": [f"{user},{room},{room % 4},{time + 60_000},5" for user, room, time in sorted(clicked) if user % 2]}
    for name, lines in rows.items():
        header = "user_id,live_id,streamer_id,timestamp" + {"click": ",watch_live_time", "gift": ",gift_price"}.get(name, "")
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines]))
    log = import_events(config, [tmp_path / f"{name}.csv" for name in rows], tmp_path / "log")
    assert log.manifest["rejected"] == {"before the item was there": 1, "when the item was not there any more": 1}
    found = {(one.features["user_id"], one.time): one for split in SPLITS for one in log.requests(split)}
    assert len(found) == len(shown)
    for user, room, time in shown:
        one = found[str(user), time // 1_000]
        click = (user, room, time) in clicked
        assert one.candidates["item"] == [str(room % 4)] and one.labels["click"] == [float(click)]
        # Of the streamer's last room that is described.
        assert one.candidates["category"] == [f"cat{(room if room < 180 else 176 + room % 4) % 3}"]
        np.testing.assert_allclose(one.labels["stay"], [np.log1p(1_000 * user) if click else np.nan], rtol=1e-6)
        if room < 100:  # later ones may not have had their two hours
            assert one.labels["gift"] == [float(click and user % 2)]
    stay = next(label for label in log.schema.labels if label.name == "stay")
    assert (stay.kind, stay.scale) == ("regression", "log1p")


def test_constants_are_for_columns_that_a_file_lacks(tmp_path):
    config = configured(tmp_path, "taobao", files={"constants": {"U*": {"user": "1"}}})
    path = tmp_path / "UserBehavior.csv"
    path.write_text("user,item,category,type,time\n1,2,3,pv,1511658000\n")
    with pytest.raises(EventLogError, match="has a column 'user' of its own"):
        import_events(config, [path], tmp_path / "log")


def test_properties_of_items_hold_from_their_time(tmp_path):
    config = configured(tmp_path, "retailrocket")
    rows = events(config)
    log = import_events(config, [LAYOUTS["retailrocket"].write(rows, tmp_path)], tmp_path / "log")
    changed = rows[len(rows) // 2].time
    for split in SPLITS:
        for one in log.requests(split):
            letter = "d" if one.time >= changed else "c"
            for item, category in zip(one.candidates["item"], one.candidates["category"], strict=True):
                assert category == f"{letter}{int(item) % 3}"


@pytest.mark.parametrize(("changes", "message"), [
    ({"time_year": None}, "has no year; say it: `time_year: 2015`"),
    ({"time_format": "%Y%m%d"}, "has a year already"),
    ({"time_format": None}, "time_year is for times without a year"),
])
def test_a_year_is_said_where_the_times_have_none_and_only_there(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        parse(ImportConfig, yaml.safe_load(EXAMPLES["tmall"]) | changes, where="tmall")


def test_a_join_needs_one_row_for_each_key(tmp_path):
    config = configured(tmp_path, "outbrain")
    (tmp_path / "clicks_train.csv").write_text("display_id,ad_id,clicked\n1,5,1\n")
    for text, message in (("display_id,uuid,timestamp\n1,u,5\n1,v,6\n", "display_id '1' stands in several rows"),
                          ("display,uuid,timestamp\n1,u,5\n", "events.csv: no column 'display_id'")):
        (tmp_path / "events.csv").write_text(text)
        with pytest.raises(EventLogError, match=message):
            import_events(config, [tmp_path / "clicks_train.csv"], tmp_path / "log")


def test_what_is_exploded_must_be_a_list_and_a_session_without_events_is_counted(tmp_path):
    config = configured(tmp_path, "otto")
    rows = events(config)
    path = LAYOUTS["otto"].write(rows, tmp_path)
    path.write_text(path.read_text() + '{"session": 98, "events": []}\n{"session": 99, "events": null}\n')
    log = import_events(config, [path], tmp_path / "log")
    assert log.manifest["rejected"] == {"no item": 2} and log.manifest["rows"] == len(rows) + 2
    assert made(log) == LAYOUTS["otto"].requests(rows, config)
    for column, message in (("session", "column 'session' holds no lists"), ("event", "no column 'event' .*; did you mean")):
        with pytest.raises(EventLogError, match=message):
            import_events(configured(tmp_path, "otto", files={"explode": column}), [path], tmp_path / "again")
