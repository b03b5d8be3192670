"""The layouts that others have come in by the configurations of the docs, and can be learned from."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data_paths import shared_data
from tests.toy import ToyTransform, small, transformed_example
from tests.zoo.data.catalogues import assert_candidates_stand_in_the_catalogue
from tests.zoo.data.samples import SPLITS, by_row, requests_of, run_documented
from zoo.config import parse
from zoo.data.request_log import RequestLog
from zoo.keras import tf
from zoo.training import TrainingConfig, train

USERS = 20


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def trained(log: RequestLog, model: str, folder: Path) -> dict[str, float]:
    """Validation metrics of a tiny model after two epochs over the log."""
    requests = {split: list(log.requests(split)) for split in SPLITS}
    words: dict[str, set[str]] = {}
    for column in log.schema.columns():
        if column.feature.space:
            found = {value for request in requests["train"] for value in request.all_values(column)}
            words[column.feature.space] = words.get(column.feature.space, set()) | found
    tables = {space: tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(
        tf.constant(sorted(values)), tf.range(2, 2 + len(values), dtype=tf.int64)), 1) for space, values in words.items()}
    schema = log.schema.bind({space: len(values) for space, values in words.items()})
    transform = ToyTransform(schema)
    transform.tables = tables
    files = {}
    for split in ("train", "validation"):
        files[split] = [str(folder / f"{split}.gz")]
        with tf.io.TFRecordWriter(files[split][0], "GZIP") as writer:
            for request in requests[split]:
                writer.write(transformed_example(schema, request, transform))
    config = parse(TrainingConfig, {"epochs": 2, "batch_size": 16})
    result = train(model, schema, files["train"], files["validation"], config=config, model_config=small(model, schema))
    return result.history[-1]["validation"]


def din_table() -> pa.Table:
    """As DeepCTR's example of DIN: lists padded with 0 at the end, and their length."""
    rows = range(200)
    histories = [[row % 7 + 1, row % 5 + 1, row % 3 + 1][:row % 4] for row in rows]
    padded = [history + [0] * (4 - len(history)) for history in histories]
    return pa.table({
        "user": [row % USERS for row in rows], "gender": [row % 2 for row in rows], "item_id": [row % 7 + 1 for row in rows],
        "cate_id": [row % 7 % 2 + 1 for row in rows], "pay_score": [row / 10 for row in rows], "hist_item_id": padded,
        "hist_cate_id": [[(item - 1) % 2 + 1 if item else 0 for item in items] for items in padded],
        "seq_length": [len(history) for history in histories], "y": [int(row % 7 < 3) for row in rows]})


@pytest.fixture(scope="module")
def din(tmp_path_factory) -> RequestLog:
    folder = tmp_path_factory.mktemp("din")
    pq.write_table(din_table(), folder / "din.parquet")
    return run_documented(folder, "din", [folder / "din.parquet"])


def test_deepctrs_sample_of_din(din):
    requests = by_row(din)
    assert [request.request_id for request in requests] == [f"q{row}" for row in range(1, 201)]
    request = requests[7]  # row 7 of 0 to 199
    assert request.features == {"user_id": "7", "gender": "1", "pay_score": pytest.approx(0.7)}
    assert request.sequences == {"history": {"item": ["1", "3", "2"], "category": ["1", "1", "2"]}}
    assert request.candidates == {"item": ["1"], "category": ["1"]} and request.labels == {"click": [1.0]}
    assert [len(one.sequences["history"]["item"]) for one in requests[:5]] == [0, 1, 2, 3, 0]
    assert {feature.name: feature.kind for feature in din.schema.request} == {"gender": "id", "pay_score": "number"}
    assert din.manifest["times"] is False and din.manifest["catalogue"] == {"rows": 7, "items": 7}


def test_users_stand_in_one_split_alone(din):
    users = [{request.features["user_id"] for request in din.requests(split)} for split in SPLITS]
    assert sum(map(len, users)) == USERS == len(set.union(*users)) and all(users)


@pytest.mark.slow
def test_a_model_learns_from_deepctrs_sample(din, tmp_path):
    assert trained(din, "din", tmp_path)["logloss"] < math.log(2)


@pytest.fixture(scope="module")
def taobao(tmp_path_factory) -> RequestLog:
    folder = tmp_path_factory.mktemp("taobao")

    def row(number: int) -> str:
        clicked = number % 3 == 0
        history = "|".join(str(4000 + step) for step in range(number % 4))
        return (f"{int(clicked)},{int(number % 6 == 0)},43054{number % 2}_1007,{100 + number % 30},{4000 + number % 3},"
                f"1,2,{'' if number % 6 == 0 else number % 4},u{number % USERS},5,2,{number % 2},3,2,3,0,1,{history},"
                f"{history.replace('40', '70')},{number % 30}.5")

    return run_documented(folder, "taobao", [write(folder / "taobao_train_1.csv", [row(number) for number in range(150)]),
                                             write(folder / "taobao_test.csv", [row(number) for number in range(150, 200)])])


def test_easyrecs_taobao(taobao):
    requests = by_row(taobao)
    assert {one.request_id for one in taobao.requests("test")} == {f"q{row}" for row in range(151, 201)}
    request = requests[183]  # the row with number 183
    assert request.features == {"user_id": "u3", "gender": "1", "age_level": "3", "occupation": "0"}
    assert request.sequences["history"] == {"category": ["4000", "4001", "4002"], "brand": ["7000", "7001", "7002"]}
    assert request.candidates == {"item": ["103"], "category": ["4000"], "brand": ["3"], "pid": ["430541_1007"], "price": [3.5]}
    assert request.labels == {"click": [1.0], "purchase": [0.0]} and requests[184].labels == {"click": [0.0], "purchase": [0.0]}
    assert requests[186].labels == {"click": [1.0], "purchase": [1.0]}
    assert requests[186].candidates["brand"] == [""], "a missing id"
    assert taobao.schema.keys == () and taobao.schema.group_key == "user_id"
    assert [feature.name for feature in taobao.schema.candidates if feature.owner == "item"] == [
        "item", "category", "brand", "price"]
    catalogue = taobao.catalogue()
    assert catalogue is not None
    assert catalogue.as_of("103", 0).values == {"category": "4000", "brand": "3", "price": 3.5}


@pytest.mark.slow
def test_a_model_of_two_tasks_learns_from_taobao(taobao, tmp_path):
    metrics = trained(taobao, "mmoe", tmp_path)
    assert all(math.isfinite(value) for value in metrics.values())


def alimama_rows() -> list[str]:
    padding = ["0"] * 47
    steps = [[*padding, "1", "1", "3"], [*padding, "11", "12", "13"], [*padding, "21", "0", "23"], [*padding, "1", "1", "1"],
             [*padding, "0", "1", "0"]]
    return [",".join([*(value for step in steps for value in step), f"u{row % USERS}", "0", "9", "1", "3", "0", "2", "0", "0",
                      str(row % 4), "13", "7", "8", "23", "0.5", "1", str(row % 2)]) for row in range(60)]


def test_alimamas_columns_side_by_side(tmp_path):
    log = run_documented(tmp_path, "alimama", [write(tmp_path / "rows.csv", alimama_rows())])
    request = by_row(log)[3]
    assert request.sequences["history"] == {"category": ["11", "12", "13"], "brand": ["21", "0", "23"],
                                            "action": ["1", "1", "3"]}
    assert request.candidates == {"item": ["3"], "category": ["13"], "brand": ["23"], "price": [0.5], "pid": ["1"]}
    assert request.features == {"user_id": "u3", "gender": "1", "age": "3", "occupation": "0"}
    assert request.labels == {"click": [1.0]}


def test_kuairands_labels(tmp_path):
    names = ("user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,"
             "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab")
    day, start = 86_400_000, 1_650_326_400_000  # 2022-04-19 00:00 UTC
    rows = [f"{row % 3},{50 + row},20220419,0013,{start + row % 3 * day + row},{row % 2},0,0,0,0,0,"
            f"{'' if row == 4 else row % 2},{1500 * row},15000,0,0,0,0,2" for row in range(12)]
    log = run_documented(tmp_path, "kuairand", [write(tmp_path / "log.csv", [names, *rows])])
    assert [log.manifest["splits"][split]["requests"] for split in SPLITS] == [4, 4, 4]
    requests = by_row(log)
    assert requests[5].labels == {"click": [1.0], "long_view": [1.0], "play_time": [7.5]}
    assert math.isnan(requests[4].labels["long_view"][0]), "not observed"
    assert (requests[4].time, requests[4].features["hourmin"]) == ((start + day) // 1000, "0013")
    assert log.schema.labels[2].kind == "regression"
    assert_candidates_stand_in_the_catalogue(log)


def test_minds_cells_and_news(tmp_path):
    write(tmp_path / "news.tsv", ["N1\tsports\tsoccer\tThe \"cup\tabout\thttp://a\t[]\t[]",
                                  "N2\tnews\tworld\tA title\t\t\t[]\t[]", "N3\tnews\t\tOther\t\t\t[]\t[]"])
    rows = ["1\tU1\t11/13/2019 12:07:52 AM\t\tN1-1 N2-0", "2\tU2\t11/14/2019 1:00:00 PM\tN1 N3\tN2-0 N3-1 N9-0",
            "3\tU1\t11/15/2019 11:59:59 PM\tN2\tN1-1"]
    log = run_documented(tmp_path, "mind", [write(tmp_path / "behaviors.tsv", rows)])
    first, second, third = requests_of(log)
    assert (first.request_id, first.time, first.features["user_id"]) == ("1", 1_573_603_672, "U1")
    assert first.candidates == {"item": ["N1", "N2"], "category": ["sports", "news"], "subcategory": ["soccer", "world"],
                                "title": ['The "cup', "A title"]}
    assert first.labels == {"click": [1.0, 0.0]} and first.sequences["history"]["item"] == []
    assert second.sequences["history"] == {"item": ["N1", "N3"], "category": ["sports", "news"], "subcategory": ["soccer", ""]}
    assert second.candidates["category"] == ["news", "news", ""] and second.candidates["title"][2] == ""
    assert third.labels == {"click": [1.0]} and third.time == 1_573_862_399
    assert log.manifest["notes"] == {"candidates_that_the_catalogue_does_not_have": 1}
    catalogue = log.catalogue()
    assert catalogue is not None
    assert [(row.item, row.valid_from) for row in catalogue.rows()] == [("N1", 0), ("N2", 0), ("N3", 0), ("N9", second.time)]
    assert_candidates_stand_in_the_catalogue(log)


def test_fuxictrs_files(tmp_path):
    header = "label,user_id,item_id,cate_id,item_history,cate_history"
    files = [write(tmp_path / f"{name}.csv", [header, f"1,u{number},{number + 5},2,10^11^12,1^1^2", f"0,u{number},9,1,,"])
             for number, name in enumerate(("train", "valid", "test"))]
    log = run_documented(tmp_path, "amazon", files)
    for number, split in enumerate(SPLITS):
        first, second = log.requests(split)
        assert first.candidates == {"item": [str(number + 5)], "category": ["2"]} and first.labels == {"click": [1.0]}
        assert first.sequences["history"] == {"item": ["10", "11", "12"], "category": ["1", "1", "2"]}
        assert second.sequences["history"] == {"item": [], "category": []} and second.labels == {"click": [0.0]}


def test_the_whole_of_a_public_fixture(tmp_path):
    """The layout's own rows, where they lie on this machine."""
    log = run_documented(tmp_path, "alimama", [shared_data("alimama_fixture") / "rows.csv.gz"])
    assert log.manifest["rows"] == 500 and log.manifest["rejected"] == {}
