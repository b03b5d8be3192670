"""The import of tables of samples: what becomes of rows, and every kind of bad input."""

from __future__ import annotations

import json
import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.zoo.data.catalogues import assert_candidates_stand_in_the_catalogue
from tests.zoo.data.samples import SPLITS, by_row, requests_of, run, settings
from zoo import files
from zoo.config import ConfigError
from zoo.data.importer import SamplesConfig, import_samples, load_import_config
from zoo.data.importer.files_config import Files, numbered
from zoo.data.importer.samples import importer, shards, table
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.feature_places import Shape
from zoo.data.importer.samples.features import SampleFeature, SampleSequence
from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.raw import RawTable
from zoo.data.importer.samples.requests import group
from zoo.data.importer.samples.rows import Keys
from zoo.data.importer.samples.sequences import read_events
from zoo.data.importer.sources import EventLogError

ITEM = {"name": "item", "role": "item"}
T = 1_700_000_000
THREE = {"user": ["u", "v", "w"], "item": [1, 2, 3], "click": [1, 0, 1]}


# ---- requests --------------------------------------------------------------------------------------------------------


def paged(**more) -> dict:
    """Three users with a request `p1` of three rows each, which do not stand together, and one of one row."""
    order = [(user, page, place) for place in range(3) for user in "uvw" for page in ("p1", "p2") if page == "p1" or not place]
    return {"user": [user for user, _, _ in order], "page": [page for _, page, _ in order],
            "item": [f"{user}{page}{place}" for user, page, place in order], "hour": [place for _, _, place in order],
            "click": [place == 1 for _, _, place in order],
            "split": [SPLITS["uvw".index(user)] for user, _, _ in order]} | more


def test_rows_of_a_request_are_its_candidates_wherever_they_stand(tmp_path):
    log = run(tmp_path, paged(), columns={"user": "user", "request": "page"}, request=[{"name": "hour", "kind": "number"}])
    requests = {request.request_id: request for request in requests_of(log)}
    # Pages are numbered anew for each user.
    assert set(requests) == {f"{user}-{page}" for user in "uvw" for page in ("p1", "p2")}
    first = requests["v-p1"]
    assert first.candidates["item"] == ["vp10", "vp11", "vp12"] and first.labels["click"] == [0.0, 1.0, 0.0]
    assert requests["v-p2"].candidates["item"] == ["vp20"]
    assert first.features["hour"] == 0.0, "of the first row"
    assert log.manifest["notes"] == {"requests_whose_rows_differ_in_hour": 3}


def test_requests_of_ids_of_their_own_keep_them_and_take_the_earliest_time(tmp_path):
    pages = [f"{user}{page}" for user, page in zip(paged()["user"], paged()["page"], strict=True)]
    times = [1_700_000_000 - row for row in range(len(pages))]
    log = run(tmp_path, paged(page=pages, time=times), columns={"user": "user", "request": "page", "time": "time"})
    requests = {request.request_id: request for request in requests_of(log)}
    assert set(requests) == set(pages)
    assert requests["up1"].time == min(time for page, time in zip(pages, times, strict=True) if page == "up1")
    assert_candidates_stand_in_the_catalogue(log)


def test_requests_stand_in_the_order_of_their_first_rows():
    plan = Plan(settings(columns={"user": "user", "request": "page"}), {}, ("a",), (0,))
    user, page = (pa.array(list(text), pa.string()).cast(pa.binary()) for text in ("uvuvuu", "baabba"))
    split = np.array([0, 0, 0, 0, 0, 1])
    groups = group(plan, Keys(user, page, np.zeros(6, np.int64), split), np.array([True, True, True, True, True, True]))
    # b of u (rows 0 and 4), a of v, a of u, b of v, and a of u in another split.
    assert (groups.rows.tolist(), groups.sizes.tolist()) == ([0, 4, 1, 2, 3, 5], [2, 1, 1, 1, 1])


def test_a_row_may_hold_all_candidates_in_lists(tmp_path):
    rows = {"user": ["u", "v", "w"], "id": ["a", "b", "c"], "items": [[1, 2], [3], [4, 5]],
            "click": [[1, 0], [0], [None, 1]], "tags": [[["x", "y"], []], [None], [["z"], ["x", None]]],
            "emb": [[[1.5, 2.0], None], [[3.0, 4.5]], [[0.5, 1], [2, 3]]], "weight": [1.0, 2.0, 0.5]}
    log = run(tmp_path, rows, rows="requests", columns={"user": "user", "request": "id", "weight": "weight"},
              candidates=[ITEM | {"column": "items"}, {"name": "tags"}, {"name": "emb", "width": 2}])
    first, second, third = requests_of(log)
    assert first.candidates["item"] == ["1", "2"] and first.candidates["tags"] == [["x", "y"], []]
    assert first.candidates["emb"][0] == [1.5, 2.0] and all(map(math.isnan, first.candidates["emb"][1]))
    assert (second.labels["click"], second.sample_weight) == ([0.0], [2.0])
    assert third.candidates["tags"] == [["z"], ["x"]] and third.sample_weight == [0.5, 0.5]
    assert math.isnan(third.labels["click"][0]) and third.labels["click"][1] == 1.0


# ---- several values and sequences ------------------------------------------------------------------------------------


def test_several_values_with_weights_however_they_are_written(tmp_path):
    lines = ["user,item,tags,scores,both,t_1,t_2,click,split", *(
        f"u{row},i,a|0|b||c,1|2|0.5|7|0,x:2|y:0.5|,k{row},NULL,{row % 2},{split}" for row, split in enumerate(SPLITS))]
    log = run(tmp_path, lines, candidates=[
        ITEM, {"name": "tags", "separator": "|", "weights": "scores", "padding": 0, "max_values": 2},
        {"name": "both", "separator": "|", "weight_separator": ":"}, {"name": "side", "column": "t_1..t_2"}])
    request = requests_of(log)[0]
    assert request.candidates["tags"] == [["a", "b"]] and request.candidates["tags_weight"] == [[1.0, 0.5]]
    assert request.candidates["both"] == [["x", "y"]] and request.candidates["both_weight"] == [[2.0, 0.5]]
    assert request.candidates["side"] == [["k0"]]


@pytest.mark.parametrize("form", ["structs", "texts", "json"])
def test_events_with_fields_in_one_column(tmp_path, form):
    events = [[{"id": 1, "act": "buy"}, {"id": 2, "act": "pv"}], [], [{"id": 3, "act": None}]]
    rows = [{"user": f"u{row}", "item": 7, "click": row % 2 == 0, "hist": of_row, "split": SPLITS[row]}
            for row, of_row in enumerate(events)]
    sequence = {"column": "hist", "newest_first": True,
                "fields": [{"name": "item", "column": "id"}, {"name": "action", "column": "act", "role": "action"}]}
    if form == "json":
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        log = import_samples(settings(sequences=[sequence]), [tmp_path / "rows.jsonl"], tmp_path / "log")
    elif form == "structs":
        log = run(tmp_path, pa.Table.from_pylist(rows), sequences=[sequence])
    else:
        texts = [";".join(f"{event['id']}|{event['act']}" for event in of_row) for of_row in events]
        lines = [f"u{row},7,{row % 2 == 0},{text},{SPLITS[row]}" for row, text in enumerate(texts)]
        lines.insert(0, "user,item,click,hist,split")
        log = run(tmp_path, lines, sequences=[sequence | {"separator": ";", "field_separator": "|"}])
    assert [request.sequences["history"] for request in requests_of(log)] == [
        {"item": ["2", "1"], "action": ["pv", "buy"]}, {"item": [], "action": []}, {"item": ["3"], "action": [""]}]


@pytest.mark.slow
@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    rows=st.lists(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2, 3]), st.sampled_from([None, "a", "b"])), max_size=6),
                  min_size=1, max_size=5),
    newest_first=st.booleans(), most=st.integers(1, 4), padding=st.sampled_from([(), ("0",), ("0", "3")]))
def test_a_sequence_is_what_a_loop_over_its_events_makes(rows, newest_first, most, padding):
    sequence = SampleSequence(fields=(SampleFeature(name="item"), SampleFeature(name="act")), newest_first=newest_first,
                              max_length=most, padding=padding)
    raw = RawTable(settings(), pa.table({"item": pa.array([[item for item, _ in row] for row in rows], pa.list_(pa.int64())),
                                         "act": pa.array([[act for _, act in row] for row in rows], pa.list_(pa.string()))}))
    found = read_events(sequence, {"history_item": Shape("id"), "history_act": Shape("id")}, raw, Caster(settings()))
    lengths, items, acts, cut = [], [], [], 0
    for row in rows:
        kept = [("" if item is None else str(item), act or "") for item, act in row
                if str(item) not in padding and (item, act) != (None, None)]
        cut += len(kept) > most
        kept = kept[::-1][-most:] if newest_first else kept[-most:]
        lengths.append(len(kept))
        items += [item.encode() for item, _ in kept]
        acts += [act.encode() for _, act in kept]
    assert found.lengths.tolist() == lengths and found.cut == cut
    assert found.fields["item"].values.to_pylist() == items and found.fields["act"].values.to_pylist() == acts


@pytest.mark.parametrize(("name", "names"), [
    ("hist_1..hist_3", ("hist_1", "hist_2", "hist_3")), ("h08x..h10x", ("h08x", "h09x", "h10x")), ("a2..a1", ("a2", "a1")),
    ("a..b", ("a..b",)), ("a1..b2", ("a1..b2",)), ("a1", ("a1",)), ("b1_c1..b1_c2", ("b1_c1", "b1_c2"))])
def test_ranges_of_columns(name, names):
    assert numbered(name) == names
    assert Files(header=False, names=("user", name)).names == ("user", *names)


# ---- values ----------------------------------------------------------------------------------------------------------


def test_missing_tokens_floats_that_are_ids_and_words_that_are_labels(tmp_path):
    rows = {"user": [1.0, 2.0, 3.0, None], "item": ["a", "e", "b", r"\N"], "brand": ["NULL", "x", " y ", ""],
            "price": ["1.5", "NA", "2", "3"], "click": ["true", "False", "yes", "0"]}
    rows = {name: [*values[:3], *values] for name, values in rows.items()}
    log = run(tmp_path, rows, candidates=[ITEM, {"name": "brand"}, {"name": "price"}], max_rejected_share=0.5)
    first, second, third = by_row(log)[:3]
    assert [request.features["user_id"] for request in (first, second, third)] == ["1", "2", "3"]
    assert [request.candidates["brand"] for request in (first, second, third)] == [[""], ["x"], ["y"]]
    assert first.candidates["price"] == [1.5] and math.isnan(second.candidates["price"][0])
    assert [request.labels["click"] for request in (first, second, third)] == [[1.0], [0.0], [1.0]]
    assert log.manifest["rejected"] == {"no user": 1} and log.manifest["rows"] == 7
    assert files.read_text(tmp_path / "log/rejected.csv").splitlines()[1].endswith("samples.parquet,7,no user")


def test_labels_of_numbers(tmp_path):
    labels = [{"name": "liked", "column": "stars", "above": 3}, {"name": "stay", "kind": "regression", "scale": 0.001},
              {"name": "teacher", "soft": True}]
    log = run(tmp_path, THREE | {"stars": [4, 3, None], "stay": [1500, None, 0], "teacher": [0.25, 1.0, 0.0]}, labels=labels)
    found = [{name: values[0] for name, values in request.labels.items()} for request in by_row(log)]
    assert found[0] == {"liked": 1.0, "stay": 1.5, "teacher": 0.25}
    assert found[1]["liked"] == 0.0 and math.isnan(found[1]["stay"]) and math.isnan(found[2]["liked"])


@pytest.mark.slow
@pytest.mark.parametrize(("change", "values", "reason"), [
    ({}, {"click": [1, 0, 1, 2]}, "click is neither 1 nor 0: 2"),
    ({"labels": [{"name": "click"}, {"name": "buy", "given": "click"}]}, {"click": [1, 0, 1, 0], "buy": [1, 0, 0, 1]},
     "buy is above 0 where click, which it is given, is 0"),
    ({"labels": [{"name": "click"}, {"name": "p", "soft": True}]}, {"p": [0, 1, 0.5, 1.5]}, "p is no probability: 1.5"),
    ({"candidates": [ITEM, {"name": "price", "kind": "number"}]}, {"price": ["1", "2", "", "x"]}, "price is not a number"),
    ({"candidates": [ITEM, {"name": "v", "width": 2}]}, {"v": [[1, 2], [3, 4], None, [5]]}, "v has not 2 values"),
    ({"candidates": [ITEM, {"name": "tag", "weights": "w"}]}, {"tag": [["a"]] * 4, "w": [[1], [0], [2], [-1]]},
     "a weight of tag is no number that is at least 0"),
    ({"request": [{"name": "age", "kind": "number"}]}, {"age": [1, 2, None, math.inf]}, "age is not a number"),
    ({"sequences": [{"fields": [{"name": "item", "column": "h"}, {"name": "gap", "kind": "number"}]}]},
     {"h": [["a"], [], ["b"], ["c"]], "gap": [["1"], [], ["2"], ["soon"]]}, "gap is not a number"),
    ({"columns": {"user": "user", "weight": "w"}}, {"w": [1, 0, 2, -1]}, "w is no weight, a number that is at least 0"),
    ({"columns": {"user": "user", "request": "page"}}, {"page": ["a", "b", "c", None]}, "no request"),
    ({"columns": {"user": "user", "time": "t"}}, {"t": [1_700_000_000] * 3 + [1_700_000_000_000]}, "time lies in the future"),
    ({"columns": {"user": "user", "time": "t"}}, {"t": ["2024-01-01", "2024-01-02", "2024-01-03", "soon"]},
     "time can not be read"),
    ({"splits": {"column": "fold", "names": {"train": 0, "validation": 1, "test": [2, 3]}}}, {"fold": [0, 1, 3, 9]},
     "fold names no split"),
])
def test_a_row_that_can_not_be_used_is_rejected_with_the_reason(tmp_path, change, values, reason):
    rows = {"user": ["u", "v", "w", "x"], "item": [1, 2, 3, 4], "click": [1, 0, 1, 1]} | values
    rows = {name: [column[place] for place in [0, 1, 2] * 6 + [3, 3]] for name, column in rows.items()}
    with pytest.raises(EventLogError, match="10.0% of 20 rows were rejected, above max_rejected_share 5.0%; most oft") as error:
        run(tmp_path, rows, **change)
    assert f"{reason}: 2" in str(error.value)
    log = run(tmp_path, rows, max_rejected_share=0.1, **change)
    assert log.manifest["rejected"] == {reason: 2} and sum(map(len, [requests_of(log)])) == (3 if "page" in values else 18)
    lines = files.read_text(tmp_path / "log/rejected.csv").splitlines()[1:]
    assert [line.split(",", 2)[1:] for line in lines] == [["19", reason if "," not in reason else f'"{reason}"'],
                                                          ["20", reason if "," not in reason else f'"{reason}"']]


def test_times_in_the_wrong_unit_are_said_with_the_one_that_fits(tmp_path):
    rows = THREE | {"time": [T * 1_000 + place for place in range(3)]}
    with pytest.raises(EventLogError, match=r"samples.parquet: 100% of the times lie in the future .* as `time_unit: ms` they"):
        run(tmp_path, rows, columns={"user": "user", "time": "time"})


def test_ids_that_a_text_has_as_floats_are_whole(tmp_path):
    lines = ["user,item,brand,click,split", "7.0,1.0,2.0,1,train", ",1.0,2.0,1,train", "8.0,3.0,,0,validation",
             "9.0,4.0,2.0,1,test"]
    log = run(tmp_path, lines, candidates=[ITEM, {"name": "brand", "kind": "id"}], max_rejected_share=0.5)
    found = [(one.features["user_id"], one.candidates["item"], one.candidates["brand"]) for one in by_row(log)]
    assert found == [("7", ["1"], ["2"]), ("8", ["3"], [""]), ("9", ["4"], ["2"])]
    assert log.manifest["notes"] == {"columns_of_whole_numbers_written_as_floats_read_as_whole": 3}


@pytest.mark.parametrize(("change", "values", "message"), [
    ({"sequences": [{"fields": [ITEM | {"column": "h"}, {"name": "act"}]}]},
     {"h": [[1], [1, 2], []], "act": [["a"], ["b"], []]},
     r"samples.parquet, row 2, sequence 'history': 'h' has 2 values and 'act' 1; every event needs all fields"),
    ({"sequences": [{"fields": [ITEM | {"column": "h"}], "length": "n"}]}, {"h": [[1], [1], []], "n": [1, 3, 0]},
     r"row 2, sequence 'history': its length 'n' is 3, but there are 1 events"),
    ({"sequences": [{"fields": [ITEM | {"column": "h"}]}]}, {"h": ["1|2", "", "3"]},
     r"column 'h' holds single values \(string\) where lists are expected; say its `separator`"),
    ({"sequences": [{"column": "h", "separator": ";", "field_separator": "|", "fields": [ITEM, {"name": "act"}]}]},
     {"h": ["1|a;2", "", "3|b"]}, r"row 1, column 'h': '2' has 1 parts between '\|', expected 2: item, act"),
    ({"candidates": [ITEM, {"name": "brand"}]}, {"brand": [1.0, 2.0, None]},
     r"column 'brand' holds whole numbers written as floats \(1.0\), which may be ids or numbers; say `kind: id` or"),
    ({"candidates": [ITEM, {"name": "score"}]}, {"score": [[0.5], [1.5], []]},
     r"'score' holds several values .* say its `width`"),
    ({"candidates": [ITEM, {"name": "brnd"}]}, {"brand": [1, 2, 3]}, r"no column 'brnd' \(for brnd\); did you mean 'brand'\?"),
    ({"rows": "requests", "candidates": [ITEM]}, {"item": [[1, 2], [3], [4]], "click": [[1, 0], [1, 0], [1]]},
     r"row 2: 'item' has 1 candidates and 'click' 2; every candidate needs all features and labels"),
    ({"rows": "requests", "columns": {"user": "user", "request": "id"}},
     {"user": ["u", "u", "v"], "item": [[1], [3], [4]], "click": [[1], [0], [1]], "id": ["a", "a", "b"]},
     r"column 'id' names two requests of one user alike"),
])
def test_a_table_that_is_not_what_is_said_is_refused(tmp_path, change, values, message):
    with pytest.raises(EventLogError, match=message):
        run(tmp_path, THREE | values, **change)


@pytest.mark.parametrize(("change", "message"), [
    ({"spaces": {"itm": {}}}, "no feature has the space 'itm'; did you mean 'item'"),
    ({"labels": [{"name": "stay", "kind": "regression"}]}, "'stay': it must be binary"),
    ({"splits": {"shares": {}, "validation_from": "2024-01-01"}}, "say one of times"),
    ({"splits": {"column": "fold", "names": {"train": "a", "test": "b"}}}, "nothing is named for the validation split"),
    ({"splits": {"validation_from": "2024-01-02", "test_from": "2024-01-03", "until": "2024-01-04"}}, "needs columns.time"),
    ({"page": {"separator": " "}}, "`page` is for `rows: requests`"),
    ({"candidates": [ITEM, {"name": "tag", "weights": "w", "weight_separator": ":"}]}, "either in a column"),
    ({"request": [{"name": "user_id", "kind": "number"}]}, "group_key 'user_id'"),
])
def test_a_configuration_that_can_not_be_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        settings(**change)


# ---- files and shards ------------------------------------------------------------------------------------------------


def test_nested_values_exploded_rows_and_a_joined_file(tmp_path):
    """A line is a page of shown items; who it was stands in a file of its own."""
    lines = [{"page": page, "context": {"device": {"os": f"os{page % 2}"}},
              "shown": [{"id": f"i{page}{place}", "price": place + 0.5, "clicked": place == 1} for place in range(3)]}
             for page in range(6)]
    (tmp_path / "pages.jsonl").write_text("\n".join(map(json.dumps, lines)))
    users = [f"{page},u{page},{SPLITS[page % 3]}\n" for page in range(6)]
    (tmp_path / "users.csv").write_text("page,user,split\n" + "".join(users))
    (tmp_path / "pages.yaml").write_text("""
kind: samples
name: pages
files: {explode: shown}
joins: [{file: users.csv, key: page}]
columns: {user: user, request: page}
request: [{name: os, column: context.device.os}]
candidates: [{name: item, column: shown.id, role: item}, {name: price, column: shown.price}]
labels: [{name: click, column: shown.clicked}]
splits: {column: split}
""")
    config = load_import_config(tmp_path / "pages.yaml")
    assert isinstance(config, SamplesConfig)
    log = import_samples(config, [tmp_path / "pages.jsonl"], tmp_path / "log")
    requests = {request.request_id: request for request in requests_of(log)}
    assert set(requests) == set("012345") and not log.manifest["rejected"]
    one = requests["4"]
    assert one.features == {"user_id": "u4", "os": "os0"} and one.labels == {"click": [0.0, 1.0, 0.0]}
    assert one.candidates == {"item": ["i40", "i41", "i42"], "price": [0.5, 1.5, 2.5]}


def test_files_of_other_types_and_unreadable_lines(tmp_path):
    """A column is floats in one file and whole numbers in another; a line has too many fields."""
    pq.write_table(pa.table({"user": ["u"], "item": [1.0], "click": [1], "split": ["train"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"user": ["v"] * 2, "item": [2, 3], "click": [1, 0], "split": ["validation", "test"]}),
                   tmp_path / "b.parquet")
    log = import_samples(settings(), [tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "log")
    assert [request.candidates["item"] for request in by_row(log)] == [["1"], ["2"], ["3"]]
    lines = ["user,item,click,split", "u,1,1,train", "u,1,1,train,too,many", "v,2,1,validation", "w,3,x,test", "w,3,0,test"]
    (tmp_path / "text").mkdir()
    log = run(tmp_path / "text", lines, max_rejected_share=0.5)
    assert log.manifest["rejected"] == {"click is neither 1 nor 0: x": 1, "more fields than the header": 1}
    assert [line.split(",")[1] for line in files.read_text(f"{log.path}/rejected.csv").splitlines()[1:]] == ["2", "4"]


@pytest.fixture(scope="module")
def wide():
    """A thousand rows of a hundred requests, in no order."""
    rng = np.random.default_rng(3)
    page, item = rng.integers(0, 100, 1_000), rng.integers(0, 50, 1_000)
    history = [[f"h{one}" for one in range(number % 5)] for number in page]
    return pa.table({"user": [f"u{number % 9}" for number in page], "page": [f"p{number}" for number in page],
                     "time": 1_700_000_000 + page, "item": item, "price": item + page % 3 + 0.5,
                     "hist": history, "click": rng.integers(0, 2, 1_000)})


@pytest.mark.slow
@pytest.mark.parametrize("request_column", ["page", None])
def test_the_log_does_not_depend_on_shards(tmp_path, wide, monkeypatch, request_column):
    columns = {"user": "user", "time": "time"} | ({"request": request_column} if request_column else {})
    change = {"columns": columns, "sequences": [{"fields": [ITEM | {"column": "hist"}]}],
              "candidates": [ITEM, {"name": "price", "owner": "item"}], "splits": {"shares": {"validation": 0.3, "test": 0.3}}}
    logs = []
    for name, chunk, size in (("one", 100_000, 1 << 30), ("many", 256, 1 << 12)):
        monkeypatch.setattr(table, "CHUNK_ROWS", chunk)
        monkeypatch.setattr(shards, "_SHARD_BYTES", size)
        (tmp_path / name).mkdir()
        logs.append(run(tmp_path / name, wide, **change))
    one, many = ({request.request_id: request for request in requests_of(log)} for log in logs)
    assert one == many and len(one) == (100 if request_column else 1_000)
    assert logs[0].manifest["splits"] == logs[1].manifest["splits"]
    assert sum(request.candidate_count for request in one.values()) == 1_000
    assert list(logs[0].catalogue().rows()) == list(logs[1].catalogue().rows())
    assert_candidates_stand_in_the_catalogue(logs[0])


@pytest.mark.slow
def test_processes_make_the_same_log(tmp_path, wide, monkeypatch):
    change = {"candidates": [ITEM], "splits": {"shares": {"validation": 0.3, "test": 0.3}}}
    alone = requests_of(run(tmp_path, wide, **change))
    monkeypatch.setattr(importer, "_ALONE_BYTES", 0)
    monkeypatch.setattr(table, "CHUNK_ROWS", 64)
    (tmp_path / "together").mkdir()
    together = requests_of(run(tmp_path / "together", wide, **change))
    assert sorted(together, key=lambda one: one.request_id) == sorted(alone, key=lambda one: one.request_id)


def test_an_item_of_which_something_else_is_said_later_has_a_row_for_each_time(tmp_path):
    rows = {"user": ["u"] * 6, "time": [T + place for place in (1, 2, 3, 4, 4, 5)], "item": [1] * 5 + [2],
            "price": [1.5, 1.5, 2.5, 1.5, 3.5, 9.5], "click": [1, 0] * 3}
    log = run(tmp_path, rows, columns={"user": "user", "time": "time"}, candidates=[ITEM, {"name": "price", "owner": "item"}])
    catalogue = log.catalogue()
    assert catalogue is not None
    assert [(row.item, row.valid_from, row.values["price"]) for row in catalogue.rows()] == [
        ("1", T + 1, 1.5), ("1", T + 3, 2.5), ("1", T + 4, 1.5), ("2", T + 5, 9.5)]
    assert log.manifest["notes"] == {"times_at_which_two_things_are_said_of_an_item": 1}


def test_a_catalogue_with_times_describes_items_as_of_the_request(tmp_path):
    pq.write_table(pa.table({"id": ["a", "a", "b", "b", None], "from": [T + 100, T + 200, *[T + 100] * 3],
                             "price": [1.5, 2.5, 3.5, 4.5, 5.5], "tags": [["x"], ["y", "z"], None, [], ["x"]]}),
                   tmp_path / "items.parquet")
    rows = {"user": ["u", "v", "w"], "time": [T + 150, T + 200, T + 50], "item": ["a", "a", "b"],
            "hist": [["b"], ["a", "c"], []], "click": [1, 0, 1]}
    log = run(tmp_path, rows, columns={"user": "user", "time": "time"},
              sequences=[{"fields": [ITEM | {"column": "hist"}], "attributes": ["tags"]}],
              catalogue={"paths": str(tmp_path / "items.parquet"), "key": "id", "time": "from",
                         "features": [{"name": "price"}, {"name": "tags"}]})
    first, second, third = by_row(log)
    assert first.candidates["price"] == [1.5] and first.candidates["tags"] == [["x"]]
    assert second.candidates["price"] == [2.5] and second.candidates["tags"] == [["y", "z"]]
    assert math.isnan(third.candidates["price"][0]), "not yet known"
    assert second.sequences["history"] == {"item": ["a", "c"], "tags": [["y", "z"], []]}
    assert log.manifest["notes"] == {"candidates_that_the_catalogue_does_not_have": 1, "catalogue_rows_left_out_no_item": 1,
                                     "catalogue_rows_that_a_later_one_replaces": 1}
    assert_candidates_stand_in_the_catalogue(log)
