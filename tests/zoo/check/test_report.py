"""The numbers of a report, counted by hand; and the command: text, JSON, picture, exit code."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner

from tests.toy import rich_requests, rich_schema
from tests.zoo.check.logs import DAY, START, noise, write
from zoo.check import check_log
from zoo.check.ids import IdCounts
from zoo.commands.data import data
from zoo.data.request import Request
from zoo.schema import IdSpace


def request(name: str, time: int, user: str, items: list[str], clicks: list[float], history: list[str] = (),
            scores: list[float] | None = None) -> Request:
    return Request(request_id=name, time=time, features={"user_id": user},
                   sequences={"history": {"item": list(history), "gap": [1.0] * len(history)}},
                   candidates={"item": items, "score": scores or [0.0] * len(items)}, labels={"click": clicks})


NAN = float("nan")
HAND = {
    "train": [request("a", START, "u1", ["x", "y", "z"], [1, 0, 0]),
              request("b", START + 3_600, "u1", ["x", "y"], [0, 1], ["x"], [NAN, 2.0]),
              request("c", START + DAY, "u2", ["x", ""], [1, NAN], ["x", "y", "x", "y"])],
    "validation": [request("d", START + 2 * DAY, "u2", ["x", "w"], [0, 1], ["w"])],
    "test": [request("e", START + 3 * DAY, "u3", ["w", "y", "x"], [0, 0, 1], ["x"]),
             request("f", START + 3 * DAY + 3_599, "u1", ["z"], [0])],
}


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory) -> dict:
    from tests.zoo.check.logs import SCHEMA

    schema = SCHEMA.model_copy(update={"spaces": {**SCHEMA.spaces, "item": IdSpace(min_count=2)}})
    return check_log(write(tmp_path_factory.mktemp("hand"), HAND, schema, rows=20, rejected={"no item": 1},
                           dropped_after_until=3, notes={"pages_without_a_click": 2}))


def test_rows_and_splits(by_hand):
    assert by_hand["rows"] == {"read": 20, "rejected": {"no item": 1}, "dropped_after_until": 3,
                               "notes": {"pages_without_a_click": 2}, "requests": 6}
    train = by_hand["splits"]["train"]
    assert train["labels"] == {"click": {"observed": 6, "positives": 3}}
    assert train["candidates_per_request"] == {"min": 2, "median": 2, "mean": pytest.approx(7 / 3), "p95": 3, "max": 3}
    history = train["histories"]["history"]
    assert (history["median"], history["max"]) == (1, 4)
    assert (history["empty"], history["full"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert history["counts"] == [{"from": 0, "requests": 1}, {"from": 1, "requests": 1}, {"from": 2, "requests": 0},
                                 {"from": 4, "requests": 1}]


def test_time_and_position(by_hand):
    assert by_hand["time"]["step"] == 3_600  # three days, by hours
    steps = {(step["from"] - START) // 3_600: step for step in by_hand["time"]["steps"]}
    assert len(steps) == 73
    assert [hour for hour, step in steps.items() if step["train"]["requests"]] == [0, 1, 24]
    assert steps[24]["train"] == {"requests": 1, "observed_click": 1, "positives_click": 1}
    assert steps[72]["test"] == {"requests": 2, "observed_click": 4, "positives_click": 1}
    assert all(one["requests"] == 0 for one in by_hand["time"]["after"])
    assert by_hand["positions"]["click"]["train"] == [{"position": 1, "observed": 3, "positives": 2},
                                                      {"position": 2, "observed": 2, "positives": 1},
                                                      {"position": 3, "observed": 1, "positives": 0}]


def test_ids_users_and_missing_values(by_hand):
    # Training has x six times, y four times, z once: z is below min_count, w was never there.
    assert by_hand["unknown"]["item"] == {
        "ids_in_training": 3, "min_count": 2, "kind": "learned",
        "validation": {"values": 3, "never": pytest.approx(2 / 3), "seldom": pytest.approx(2 / 3)},
        "test": {"values": 5, "never": pytest.approx(1 / 5), "seldom": pytest.approx(2 / 5)}}
    assert by_hand["users"]["validation"] == {"count": 1, "seen_in_training": 1.0}
    assert by_hand["users"]["test"] == {"count": 2, "seen_in_training": 0.5}
    assert by_hand["missing"]["candidate_item"]["train"]["share"] == pytest.approx(1 / 7)
    assert by_hand["missing"]["candidate_score"]["train"] == {
        "values": 7, "share": pytest.approx(1 / 7), "min": 0.0, "max": 2.0}


def test_single_features(by_hand):
    found = {one["feature"]: one for one in by_hand["alone"]}
    # Positions of training's positives: 0, 1, 0; of its negatives: 1, 2, 0. Of nine pairs: 0 is above none and beside one of
    # them, 1 above one and beside one.
    assert found["position on the page"]["auc"]["train"] == pytest.approx((0.5 + 1.5 + 0.5) / 9)
    # Training's positives x, y, x in histories [], [x], [x, y]: 0, 0, 1; its negatives y, z, x: 0, 0, 1.
    assert found["candidate_item in history_item"]["auc"]["train"] == pytest.approx(0.5)
    # In test, x was clicked in two of three, y in one of two, z and w in none or unknown: rates with ten of the mean, 1/2.
    # Positive x: (2 + 5) / 13 is above y (1 + 5) / 12 = 1/2, w 1/2 and z 5 / 11.
    assert found["candidate_item"]["auc"]["test"] == pytest.approx(1.0)
    assert found["candidate_item never seen in training"]["auc"]["test"] == pytest.approx(1 / 3 * 0 + 2 / 3 * 0.5)
    error = math.sqrt((3 + 3 + 1) / (12 * 3 * 3))
    assert found["position on the page"]["error"]["train"] == pytest.approx(error)
    # The candidates of a request share its values: as many as there are requests count.
    assert found["history_length"]["error"]["train"] == pytest.approx(error * math.sqrt(7 / 3))


def test_ids_of_one_class(by_hand):
    item = next(one for one in by_hand["one_class"] if one["column"] == "candidate_item")
    # Of training's three positives, x, y, x, each stands among the negatives, too; of the negatives y, z, x, z does not.
    assert (item["positives"], item["negatives"]) == (0.0, pytest.approx(1 / 3))
    # By chance, at a rate of 1/2: (3 · 1/8 + 2 · 1/4 + 1 · 1/2) / (1/2 · 6)
    assert item["positives_by_chance"] == pytest.approx(1.375 / 3)


def test_an_ids_own_label_is_in_no_score_of_training(tmp_path):
    """Every item stands there once: its rate is its label, and must not be used."""
    once = noise(items=1_000_000)
    report = check_log(write(tmp_path, once))
    item = next(one for one in report["alone"] if one["feature"] == "candidate_item")
    assert item["auc"]["train"] == pytest.approx(0.5, abs=0.02)


def test_a_part_of_a_log_stands_for_all_of_it(tmp_path):
    log = write(tmp_path, noise())
    part, whole = check_log(log, requests=60), check_log(log, requests=0)
    assert [part["splits"][split]["requests_read"] for split in ("train", "validation", "test")] == [60, 60, 60]
    assert whole["splits"]["train"]["requests_read"] == 300

    def requests(report) -> int:
        return sum(step["train"]["requests"] for step in report["time"]["steps"])

    assert requests(part) == pytest.approx(300, abs=10) and requests(whole) == 300


def test_every_kind_of_column_is_looked_at(tmp_path):
    report = check_log(write(tmp_path, {split: rich_requests(60, seed) for seed, split in
                                        enumerate(("train", "validation", "test"))}, rich_schema()))
    features = {one["feature"] for one in report["alone"]}
    assert {"user_id", "hour", "interests", "interests_count", "candidate_item", "candidate_price", "candidate_image[2]",
            "candidate_tags", "candidate_tags_count", "history_length", "candidate_category in history_category"} <= features
    assert {one["label"] for one in report["alone"]} == {"click", "purchase", "teacher"}
    assert report["missing"]["candidate_title"]["train"]["share"] == 0.0
    liked = next(one for one in report["alone"] if one["feature"] == "candidate_category in history_category"
                 and one["label"] == "click")
    assert liked["auc"]["test"] > 0.7  # as the toy's clicks are made


def test_counts_of_ids_are_those_of_a_dictionary():
    rng, counts, expected = np.random.default_rng(0), IdCounts(), np.zeros(50, int)
    for _ in range(20):
        codes = rng.integers(1, 50, 30_000)
        counts.add(codes.astype(np.uint64))
        expected += np.bincount(codes, minlength=50)
    assert counts.of(np.arange(60, dtype=np.uint64)).tolist() == [*expected.tolist(), *[0] * 10]
    assert len(counts) == 49


def test_a_log_without_times(tmp_path):
    requests = {split: [one.__class__(**{**one.__dict__, "time": 0}) for one in several] for split, several in noise().items()}
    log = write(tmp_path, requests, times=False)
    assert check_log(log)["time"] is None
    result = CliRunner().invoke(data, ["check", log.path, "--picture", str(tmp_path / "check.png")])
    assert result.exit_code == 0 and "The log has no times." in result.output


def test_the_command_prints_at_80_columns_and_writes_json_and_a_picture(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    log = write(tmp_path, noise(rate=0.1))
    out = [str(tmp_path / name) for name in ("check.json", "check.png")]
    result = CliRunner().invoke(data, ["check", log.path, "--json", out[0], "--picture", out[1]])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    paths = [line for line in lines if str(tmp_path) in line]
    assert all(len(line.rstrip()) <= 80 for line in lines if line not in paths)
    for words in ("Splits", "Requests, and how often", "click by position", "Ids that training never had",
                  "AUC of each feature", "2 warnings, the heaviest first"):
        assert words in result.output
    assert re.search(r"look validation has \d+ positives of click", result.output)
    assert len(json.loads((tmp_path / "check.json").read_text())["findings"]) == 2
    assert (tmp_path / "check.png").read_bytes()[:4] == b"\x89PNG"


def test_strict_ends_with_1_where_there_is_a_warning(tmp_path):
    good, bad = write(tmp_path / "good", noise()), write(tmp_path / "bad", noise(rate=0.05))
    assert [CliRunner().invoke(data, ["check", log.path, "--strict"]).exit_code for log in (good, bad)] == [0, 1]
