"""Single decisions, and what can't be guessed."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from tests.zoo.data.guess import layouts
from zoo.commands.data import data
from zoo.data.guess import GuessError, guess_config
from zoo.data.guess.cells import cells_of
from zoo.data.guess.look import Column, determines
from zoo.data.guess.names import likeness
from zoo.data.guess.sniff import sniff
from zoo.data.guess.splits import DAY, Period, proposed
from zoo.data.guess.times import time_form
from zoo.data.importer import load_import_config


@pytest.mark.parametrize(("values", "unit", "format_"), [
    (["1569888000", "1569974400"], "s", None),
    (["1569888000123"], "ms", None),
    (["1569888000123456"], "us", None),
    (["2019-10-01 00:00:04 UTC"], "s", None),
    (["2019-10-01T00:00:04.123+02:00"], "s", None),
    (["2019-10-01"], "s", None),
    (["20191001", "20191031"], "s", "%Y%m%d"),
    (["01/10/2019 13:05:00", "31/10/2019 13:05:00"], "s", "%d/%m/%Y %H:%M:%S"),
    (["10/31/2019 1:05:00 PM"], "s", "%m/%d/%Y %I:%M:%S %p"),
    (["31.10.2019"], "s", "%d.%m.%Y"),
])
def test_how_times_are_written(values, unit, format_):
    found = time_form(values)
    assert found and (found.unit, found.format) == (unit, format_)


@pytest.mark.parametrize("values", [["12345"], ["2268318", "2333346"], ["20191341"], ["2019-13-45"], ["5113", "1020"],
                                    ["view"]])
def test_what_is_no_time(values):
    assert time_form(values) is None


@pytest.mark.parametrize(("text", "delimiter", "header"), [
    ("user,item\n1,2\n3,4\n", ",", True),
    ("1,2\n3,4\n", ",", False),
    ("1::2::5\n3::4::1\n", "::", False),
    ("u;t\na,b;1\nc,d,e;2\n", ";", True),
    ("clk,hist\n1,a|b|c\n0,d\n", ",", True),
    ("alice,view\nbob,buy\nalice,buy\nbob,view\n", ",", False),
    ("who,what\nalice,view\nbob,buy\n", ",", True),
])
def test_how_a_text_is_written(tmp_path, text, delimiter, header):
    (tmp_path / "file.csv").write_text(text)
    found = sniff(str(tmp_path / "file.csv"))
    assert found and (found.delimiter, found.header, found.encoding) == (delimiter, header, "utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_the_encoding_is_seen(tmp_path, encoding):
    (tmp_path / "file.csv").write_bytes("user,brand\n1,Größe\n2,ÿþ\n".encode(encoding))
    found = sniff(str(tmp_path / "file.csv"))
    assert found and found.encoding == encoding


def test_several_values_in_a_cell():
    assert cells_of(["a1|b2", "c3"])[0] == "|"
    found = cells_of(["a1|2;b2|3", "c3|1"])
    assert (found.separator, found.within, found.parts, found.labelled) == (";", "|", 2, False)
    found = cells_of(["N1-1 N2-0", "N3-0 N1-0"])
    assert (found.separator, found.within, found.labelled) == (" ", "-", True)
    assert cells_of(["red shoes", "a blue hat"]) is None and cells_of(["home.kitchen", "home"]) is None


def test_one_column_determines_another_where_that_is_no_accident():
    item, category = Column("i", True, ["a", "b", "a", "b", "c"]), Column("c", True, ["x", "y", "x", "y", "x"])
    assert determines(item, category) and not determines(category, item)
    once = Column("o", True, ["1", "2", "3", "4", "5"])
    assert not determines(once, category)  # each stands there once: no wonder


def test_values_win_over_names(tmp_path):
    """A column that is called time and holds no times, and one that is called event and holds thousands of values."""
    rows = [[f"t{number % 7}", f"e{number}", one.time, f"u{one.user}", f"i{one.item}"] for number, one in
            enumerate(layouts.events(600))]
    lines = [["time", "event", "x", "user", "item"], *rows]
    (tmp_path / "log.csv").write_text("\n".join(",".join(map(str, row)) for row in lines))
    said = yaml.safe_load(guess_config(tmp_path / "log.csv"))
    assert said["columns"] == {"user": "user", "time": "x", "item": "item"}


def test_the_names_of_columns():
    assert likeness("user_session", "session") and not likeness("user_session", "user")
    assert likeness("user_id", "user") > likeness("customer_id", "user") > likeness("price", "user") == 0


def test_splits_are_the_last_two_tenths_unless_they_are_empty():
    period = Period(1_000, 0, 20 * DAY - 1, 0, 20 * DAY - 1, 2 * DAY, 3 * DAY)
    times, why = proposed(period, False, lambda begin, end: 100)
    assert times == {"validation_from": "1970-01-17T00:00:00", "test_from": "1970-01-19T00:00:00",
                     "until": "1970-01-21T00:00:00"} and "period" in why
    times, why = proposed(period, False, lambda begin, end: 100 if begin < 15 * DAY else 0)
    assert times["validation_from"] == "1970-01-03T00:00:00" and "rows" in why
    assert proposed(Period(10, 0, 0, 0, 0, 0, 0), True, lambda begin, end: 10) is None


def test_parquet_of_impressions_with_one_label_of_a_page_is_an_event_log(tmp_path):
    rows = [{"user": f"u{one.user}", "ts": one.time, "request_id": f"q{one.session}", "item_id": f"i{one.item}",
             "clicked": one.kind % 2 == 1, "cate": f"c{one.category}"} for one in layouts.events(900)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pages.parquet")
    said = yaml.safe_load(guess_config(tmp_path / "pages.parquet"))
    assert "kind" not in said and "negatives" not in said
    assert said["columns"] == {"user": "user", "request": "request_id", "time": "ts", "item": "item_id", "label": "clicked"}


def test_a_price_that_was_normalised_already_has_no_logarithm(tmp_path):
    lines = ["user,item,time,price"]
    lines += [f"u{one.user},i{one.item},{one.time},{one.item / 40 - 1}" for one in layouts.events(900)]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    assert yaml.safe_load(guess_config(tmp_path / "log.csv"))["attributes"] == [
        {"name": "price", "kind": "number", "role": "price", "buckets": 10}]


def test_a_split_column_divides_samples(tmp_path):
    rows = [{"user_id": number % 9, "item_id": number % 20, "label": number % 2,
             "split": ["train", "train", "valid", "test"][number % 4]} for number in range(200)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "samples.parquet")
    assert yaml.safe_load(guess_config(tmp_path / "samples.parquet"))["splits"] == {
        "column": "split", "names": {"train": "train", "validation": "valid", "test": "test"}}


def test_padding_and_the_number_of_events(tmp_path):
    rows = [{"user_id": number % 9, "item_id": 1 + number % 20, "label": number % 2, "hist_item_id": [1 + number % 20, 3, 0, 0]}
            for number in range(200)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    field = {"name": "item", "column": "hist_item_id", "role": "item"}
    assert yaml.safe_load(guess_config(tmp_path / "a.parquet"))["sequences"] == [
        {"name": "history", "fields": [field], "padding": "0"}]
    pq.write_table(pa.Table.from_pylist([row | {"seq_length": 2} for row in rows]), tmp_path / "b.parquet")
    assert yaml.safe_load(guess_config(tmp_path / "b.parquet"))["sequences"] == [
        {"name": "history", "fields": [field], "length": "seq_length"}]


def test_what_is_nothing_is_refused_with_what_was_seen(tmp_path):
    (tmp_path / "words.csv").write_text("colour,size\nred,big\nblue,small\n")
    with pytest.raises(GuessError, match=r"words.csv: found no user or session, no item, no time, .*colour: 2 different texts"):
        guess_config(tmp_path / "words.csv")
    (tmp_path / "events.jsonl").write_text('{"session": 1, "events": [{"aid": 5, "ts": 1659227196000, "type": "clicks"}]}\n')
    with pytest.raises(GuessError, match="events: not understood: it is nested"):
        guess_config(tmp_path / "events.jsonl")


def test_the_command_prints_or_writes(tmp_path):
    file = layouts.retailrocket(tmp_path)
    printed = CliRunner().invoke(data, ["guess", str(file)])
    written = CliRunner().invoke(data, ["guess", str(file), "--out", str(tmp_path / "shop.yaml")])
    assert printed.exit_code == written.exit_code == 0 and "zoo data import" in written.output
    assert (tmp_path / "shop.yaml").read_text(encoding="utf-8") == printed.output
    assert load_import_config(tmp_path / "shop.yaml").columns.item == "itemid"
    # Each column stands there, with what it was taken for.
    for words in ("timestamp      1,60", "the time: milliseconds since 1970", "transactionid", "missing: not understood"):
        assert words in printed.output


def test_a_guess_needs_no_tensorflow():
    """Whose import takes longer than all the rest."""
    code = "import sys, zoo.data.guess; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_names_the_item_is_what_has_one_category_wherever_it_stands(tmp_path):
    rows = [[4_000 + one.item, one.time, 90 + one.category, 1_000 + one.user] for one in layouts.events(900)]
    (tmp_path / "log.txt").write_text("\n".join("\t".join(map(str, row)) for row in rows))
    assert yaml.safe_load(guess_config(tmp_path / "log.txt"))["files"]["names"] == ["item", "time", "category", "user"]


def test_ids_that_are_numbers_and_texts_in_json(tmp_path):
    lines = [json.dumps({"user": one.user if one.user % 2 else f"u{one.user}", "item": one.item, "time": one.time})
             for one in layouts.events(900)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    text = guess_config(tmp_path / "log.jsonl")
    assert yaml.safe_load(text)["columns"] == {"user": "user", "time": "time", "item": "item"}
    assert '"u' not in text  # as an example of a user
