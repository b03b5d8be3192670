"""Bad input, one table for events and samples: what is rejected with a count, what is refused, what is read as it is meant."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.zoo.data import samples
from tests.zoo.data.test_importer import DAY, START, config, requests_of
from zoo import files
from zoo.data.importer import import_events, import_samples
from zoo.data.importer.samples import table as sample_table
from zoo.data.importer.sources import EventLogError
from zoo.data.request_log import RequestLog, RequestLogError

NAMES = ["user", "page", "time", "item", "price", "click"]
COLUMNS = {"user": "user", "request": "page", "time": "time"}
SPLITS = {"validation_from": "2023-11-16", "test_from": "2023-11-17", "until": "2023-11-18"}
Rows = list[list[str]]


def rows(days: int = 3) -> Rows:
    """Pages of three items, of which one was clicked."""
    return [[f"u{user}", f"p{day}{user}", f"{START + day * DAY + user}", f"i{(user + 3 * place + day) % 7}", f"{place}.5",
             f"{int(place == user % 3)}"] for day in range(days) for user in range(5) for place in range(3)]


def events(paths: list[Path], out: Path, **changes: Any) -> RequestLog:
    columns = COLUMNS | {"item": "item", "label": "click"}
    return import_events(config(**{"columns": columns, "clicks": [], "other": [], "splits": SPLITS, "attributes": [
        {"name": "price", "kind": "number"}]} | changes), paths, out)


def tables(paths: list[Path], out: Path, **changes: Any) -> RequestLog:
    return import_samples(samples.settings(**{"columns": COLUMNS, "splits": SPLITS, "candidates": [
        {"name": "item", "role": "item"}, {"name": "price", "kind": "number"}]} | changes), paths, out)


KINDS: dict[str, Callable[..., RequestLog]] = {"events": events, "samples": tables}


def said(log: RequestLog) -> list[tuple]:
    """What both kinds know of a request."""
    return sorted((one.time, one.features["user_id"], one.candidates["item"], one.candidates["price"], one.labels["click"])
                  for one in requests_of(log))


def text(some: Rows, names: list[str] = NAMES) -> bytes:
    return "\n".join(map(",".join, [names, *some])).encode("utf-8", "surrogateescape") + b"\n"


def changed(some: Rows, column: str, value: Callable[[str], str]) -> Rows:
    place = NAMES.index(column)
    return [[*row[:place], value(row[place]), *row[place + 1:]] for row in some]


class Case(NamedTuple):
    """A file, and what has to come of it.

    Args:
        content: of the file.
        file: its name.
        changes: of the configuration.
        rejected: reasons with counts; such rows are the last ones, and all else is what the plain log says.
        notes: what is noted, beside the usual.
        error: what is said where nothing is made of it.
        same: whether the requests are those of the plain log.
    """

    content: bytes
    file: str = "log.csv"
    changes: dict[str, Any] = {}
    rejected: dict[str, int] = {}
    notes: dict[str, int] = {}
    error: str | None = None
    same: bool = True


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def jsonl(some: Rows, change: Callable[[dict[str, Any], int], dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(change(dict(zip(NAMES, row, strict=True)), number)) for number, row in enumerate(some)).encode()


MORE = ["u9", "p9", f"{START}", "i1", "0.5", "1"]
LOOSE = {"max_rejected_share": 0.5}
CASES = {
    "a row too wide": Case(text([*rows(), [*MORE, "more"]]), rejected={"more fields than the header": 1}),
    "a row too short": Case(text([*rows(), MORE[:3]]), rejected={"no item": 1}, notes={
        "lines_with_fewer_fields_than_the_header_read_with_missing_values": 1}),
    "a row in another encoding": Case(text([*rows(), [*MORE[:3], "caf\udce9", *MORE[4:]]]), rejected={"not UTF-8": 1}),
    "an empty line": Case(text(rows()) + b"\n\n"),
    "a number that is none": Case(text([*rows(), [*MORE[:4], "cheap", "1"]]), rejected={"price is not a number": 1}),
    "a label that is none": Case(text([*rows(), [*MORE[:5], "maybe"]]), rejected={"click is neither 1 nor 0: maybe": 1}),
    "a time that is none": Case(text([*rows(), [*MORE[:2], "soon", *MORE[3:]]]), rejected={"time can not be read": 1}),
    "a time in the future": Case(text([*rows(), [*MORE[:2], "9999999999", *MORE[3:]]]),
                                 rejected={"time lies in the future": 1}),
    "no item": Case(text([*rows(), [*MORE[:3], "", *MORE[4:]]]), rejected={"no item": 1}),
    "no page": Case(text([*rows(), ["u9", "NULL", *MORE[2:]]]), rejected={"no request": 1}),
    "no user": Case(text([*rows(), ["\\N", *MORE[1:]]]), rejected={"no user": 1}),
    "many rows bad": Case(text([*rows(), *[[*MORE[:3], "", *MORE[4:]]] * 20]),
                          error=r"30\.8% of 65 rows were rejected.*no item: 20"),
    "a file in another encoding": Case(text(rows()).decode().encode("utf-16"), error="say its `files.encoding`"),
    "the encoding is said": Case(text(rows()).decode().encode("utf-16"), changes={"files": {"encoding": "utf-16"}}),
    "a byte order mark": Case(b"\xef\xbb\xbf" + text(rows())),
    "windows' ends of lines": Case(text(rows()).replace(b"\n", b"\r\n")),
    "a truncated gzip": Case(gzip.compress(text(rows()))[:-20], "log.csv.gz", error="ends in the middle of its gzip"),
    "no gzip": Case(text(rows()), "log.csv.gz", error="is no gzip"),
    "no Parquet": Case(text(rows()), "log.parquet", error="log.parquet: the file can not be read"),
    "an empty file": Case(b"", error="the file is empty"),
    "a header alone": Case(text([]), error="the file has no rows"),
    "another type of file": Case(b"x", "log.xlsx", error="unknown file type; expected a text"),
    "two columns of one name": Case(text([[*row, "x"] for row in rows()], [*NAMES, "item"]),
                                    error="two columns are called 'item'"),
    "two columns that differ by a capital": Case(text([[*row, "x"] for row in rows()], [*NAMES, "Item"]),
                                                 error="two columns are called 'item' and 'Item'"),
    "a column is missing": Case(text(rows(), [*NAMES[:3], "itm", *NAMES[4:]]), error="no column 'item'.*did you mean 'itm'"),
    "a column of several types": Case(jsonl(rows(), lambda row, number: row | {
        "time": (int(row["time"]), row["time"])[number % 2], "click": (int(row["click"]), row["click"])[number % 2],
        "more": (1, "a", [1], None)[number % 4]}), "log.jsonl"),
    "labels of true and false": Case(text(changed(rows(), "click", lambda one: ["false", "true"][int(one)]))),
    "labels of 1.0 and 0.0": Case(text(changed(rows(), "click", lambda one: f"{one}.0"))),
    "labels of JSON's true and false": Case(jsonl(rows(), lambda row, _: row | {"click": row["click"] == "1"}), "log.jsonl"),
    "all labels are equal": Case(text(changed(rows(), "click", lambda _: "1")), same=False),
    "no row in the validation split": Case(text([row for row in rows() if not row[1].startswith("p1")]),
                                           error="no request fell into validation"),
    "a user in the test split alone": Case(text([*rows(), ["new", "pn", f"{START + 2 * DAY}", *MORE[3:]]]), same=False),
    "times in milliseconds": Case(text(changed(rows(), "time", lambda one: f"{one}000")),
                                  error="lie in the future.*as `time_unit: ms` they would lie in 2023"),
    "times in seconds, said to be milliseconds": Case(text(rows()), changes={"time_unit": "ms"},
                                                      error="lie before 1990.*as `time_unit: s` they would lie in 2023"),
    "times as dates": Case(text(changed(rows(), "time", lambda _: "20231115")), error='say `time_format: "%Y%m%d"`'),
    "an unclosed quote": Case(text([[*row, '"half' if number == 7 else "title"] for number, row in enumerate(rows())],
                                   [*NAMES, "title"]),
                              notes={"lines_with_a_quote_that_is_never_closed_read_without_quotes": 1}),
    "a number that is missing": Case(text([*rows(), [*MORE[:4], "N/A", "1"]]), same=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_bad_input(tmp_path, kind, name):
    case, make = CASES[name], KINDS[kind]
    path = tmp_path / case.file
    path.write_bytes(case.content)
    if case.error:
        with pytest.raises((EventLogError, RequestLogError), match=case.error):
            make([path], tmp_path / "log", **case.changes)
        assert {one.name for one in tmp_path.iterdir()} <= {case.file, "log.rejected.csv"}, "nothing is left half done"
        return
    log = make([path], tmp_path / "log", **case.changes, **(LOOSE if case.rejected else {}))
    assert log.manifest["rejected"] == case.rejected
    assert {note: log.manifest["notes"].get(note) for note in case.notes} == case.notes
    if case.rejected:
        with files.open_file(files.join(log.path, "rejected.csv")) as file:
            assert [int(row["row"]) for row in csv.DictReader(file)] == [len(rows()) + 1]
    if case.same:
        (tmp_path / "plain.csv").write_bytes(text(rows()))
        assert said(log) == said(make([tmp_path / "plain.csv"], tmp_path / "plain"))


ODD = ['a "b"', "a,b", "[/a] {b}", "two\nlines", "🛒 é 茶", "-", "a\\b", "'", "#1", "007", "1e5", "nul", " ".join("ab")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_ids_hold_anything(tmp_path, kind, form):
    some = [[*row[:3], ODD[number % len(ODD)], *row[4:]] for number, row in enumerate(rows())]
    path = tmp_path / f"log.{form}"
    if form == "csv":
        path.write_bytes(text(changed(some, "item", quoted)))
    elif form == "jsonl":
        path.write_bytes(jsonl(some, lambda row, _: row))
    else:
        pq.write_table(pa.table({name: [row[place] for row in some] for place, name in enumerate(NAMES)}), path)
    log = KINDS[kind]([path], tmp_path / "log", files={"line_breaks": True})
    assert {item for one in requests_of(log) for item in one.candidates["item"]} == set(ODD) and not log.manifest["rejected"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_whole_numbers_that_became_floats_are_whole_again(tmp_path, kind, form):
    some = changed(changed(rows(), "user", lambda one: f"{one[1:]}.0"), "item", lambda one: f"{one[1:]}.0")
    path = tmp_path / f"log.{form}"
    if form == "csv":
        path.write_bytes(text(some))
    else:
        kinds = {"user": float, "item": float, "time": int, "price": float, "click": int}
        pq.write_table(pa.table({name: [kinds.get(name, str)(row[place]) for row in some]
                                 for place, name in enumerate(NAMES)}), path)
    log = KINDS[kind]([path], tmp_path / "log")
    assert {one.features["user_id"] for one in requests_of(log)} == set("01234")
    assert {item for one in requests_of(log) for item in one.candidates["item"]} == set("0123456")


@pytest.mark.parametrize("kind", KINDS)
def test_two_columns_of_one_name_in_parquet(tmp_path, kind):
    columns = [pa.array([row[place] for row in rows()]) for place in range(6)]
    pq.write_table(pa.table([*columns, columns[3]], names=[*NAMES, "item"]), tmp_path / "log.parquet")
    with pytest.raises(EventLogError, match=r"log.parquet: two columns are called 'item'"):
        KINDS[kind]([tmp_path / "log.parquet"], tmp_path / "log")


@pytest.mark.parametrize("chunk", [16_384, 8])
def test_an_error_in_a_list_names_the_row_of_the_file(tmp_path, monkeypatch, chunk):
    """Also behind lines that can't be read, in a later file and a later batch."""
    monkeypatch.setattr(sample_table, "CHUNK_ROWS", chunk)
    header = "user,item,click,split,hist,cats"
    good = [f"u{row},{row},1,{['train', 'validation', 'test'][row % 3]},1|2,3|4" for row in range(20)]
    (tmp_path / "a.csv").write_text("\n".join([header, *good]))
    (tmp_path / "b.csv").write_text("\n".join([header, *good[:5], "u,1,1,train,1|2,3|4,more,fields", *good[5:],
                                               "u,1,1,train,1|2|3,3|4"]))
    with pytest.raises(EventLogError, match=r"b.csv, row 22, sequence 'history': 'hist' has 3 values and 'cats' 2;"):
        import_samples(samples.settings(sequences=[{"separator": "|", "fields": [
            {"name": "item", "column": "hist"}, {"name": "category", "column": "cats"}]}]),
            [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "log")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]
