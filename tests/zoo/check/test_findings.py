"""Every warning is given where there is a reason, and none where there is none."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.zoo.check.logs import DAY, SCHEMA, START, changed, noise, with_candidates, with_history, write
from zoo.check import check_log
from zoo.data.request import Request
from zoo.data.simulator import SimulatorConfig, write_simulated_log
from zoo.schema import Schema

NOISE = noise()


def found(folder: Path, requests: dict[str, list[Request]], schema: Schema = SCHEMA, **notes: Any) -> dict[str, str]:
    """Warnings by kind."""
    report = check_log(write(folder, requests, schema, **notes))
    return {one["kind"]: f"{one['weight']} {one['text']}" for one in report["findings"]}


def clicks(request: Request) -> list[float]:
    return request.labels["click"]


def test_nothing_is_found_in_noise(tmp_path):
    assert found(tmp_path, NOISE) == {}


def test_nothing_is_found_in_a_simulated_log(tmp_path):
    config = SimulatorConfig(requests=1_800, users=300, items=300)
    log = write_simulated_log(config, str(tmp_path / "log"))
    assert check_log(log)["findings"] == []


def test_a_feature_that_is_the_label(tmp_path):
    rng = np.random.default_rng(0)
    leak = changed(NOISE, lambda split, number, request: with_candidates(
        request, score=[label + 0.2 * rng.normal() for label in clicks(request)]))
    warnings = found(tmp_path, leak)
    assert list(warnings) == ["feature_is_label"]
    assert warnings["feature_is_label"].startswith("3 candidate_score alone ranks click with AUC 1.000 in ")


def test_a_feature_that_is_there_only_where_the_label_is(tmp_path):
    leak = changed(NOISE, lambda split, number, request: with_candidates(
        request, score=[score if label else float("nan") for score, label in zip(request.candidates["score"], clicks(request),
                                                                                  strict=True)]))
    assert found(tmp_path, leak)["feature_is_label"].startswith("3 candidate_score is missing alone ranks click with AUC 0.000")


def test_a_history_that_holds_what_is_clicked(tmp_path):
    def clicked(split, number, request):
        items = [item for item, label in zip(request.candidates["item"], clicks(request), strict=True) if label][:4]
        return with_history(request, item=items, gap=[1.0] * len(items))

    assert "candidate_item in history_item alone ranks click" in found(tmp_path, changed(NOISE, clicked))["feature_is_label"]


def counted(requests: dict[str, list[Request]], strictly_before: bool) -> dict[str, list[Request]]:
    """With the clicks of each candidate's item: those of all the training split, its own among them, or those before."""
    total = Counter(item for request in requests["train"]
                    for item, label in zip(request.candidates["item"], clicks(request), strict=True) if label)
    so_far: Counter[str] = Counter()
    result: dict[str, list[Request]] = {}
    for split, several in requests.items():
        result[split] = []
        for request in several:
            items = request.candidates["item"]
            counts = so_far if strictly_before else total
            result[split].append(with_candidates(request, score=[float(counts[item]) for item in items]))
            so_far.update(item for item, label in zip(items, clicks(request), strict=True) if label)
    return result


def test_a_count_of_the_candidates_own_label_is_found_and_one_of_earlier_clicks_is_not(tmp_path):
    sparse = noise(items=1_000, rate=0.2)  # one or two impressions an item
    warnings = found(tmp_path / "own", counted(sparse, strictly_before=False))
    assert warnings["own_label"].startswith("3 candidate_score alone ranks click with AUC 0.887 in training")
    assert "in training it seems to count the candidate's own label" in warnings["own_label"]
    assert "own_label" not in found(tmp_path / "before", counted(sparse, strictly_before=True))


def test_an_honest_popularity_of_items_of_different_quality_is_not_found(tmp_path):
    rng, quality = np.random.default_rng(1), {f"i{item}": rate for item, rate in
                                              enumerate(np.random.default_rng(2).beta(1, 3, 100).tolist())}
    real = changed(NOISE, lambda split, number, request: dataclasses.replace(request, labels={
        "click": [float(rng.random() < quality[item]) for item in request.candidates["item"]]}))
    report = check_log(write(tmp_path, counted(real, strictly_before=True)))
    popularity = next(one for one in report["alone"] if one["feature"] == "candidate_score")
    assert popularity["auc"]["test"] > 0.6  # it does rank
    assert report["findings"] == []


def test_items_that_are_new_only_where_they_are_clicked(tmp_path):
    new = changed(NOISE, lambda split, number, request: request if split == "train" else with_candidates(request, item=[
        f"new{number}" if label and number % 2 else item
        for item, label in zip(request.candidates["item"], clicks(request), strict=True)]))
    assert "candidate_item never seen in training alone ranks click" in found(tmp_path, new)["unknown_tells"]


def test_ids_that_are_positive_alone(tmp_path):
    apart = changed(NOISE, lambda split, number, request: with_candidates(request, item=[
        f"p{number % 50}-{place}" if label else item
        for place, (item, label) in enumerate(zip(request.candidates["item"], clicks(request), strict=True))]))
    assert "2 100% of the positives of click have a candidate_item that never stands" in found(tmp_path, apart)["one_class"]


def test_candidates_that_are_sorted_by_their_label(tmp_path):
    def ordered(split, number, request):
        order = np.argsort(clicks(request))
        return dataclasses.replace(
            request, labels={"click": [clicks(request)[place] for place in order]},
            candidates={name: [values[place] for place in order] for name, values in request.candidates.items()})

    once = changed(NOISE, lambda split, number, request: dataclasses.replace(
        request, labels={"click": [1.0, 1.0, 0.0, 0.0, 0.0]}))
    assert "the candidates are sorted by click" in found(tmp_path, changed(once, ordered))["sorted_candidates"]


@pytest.mark.parametrize(("value", "words"), [(0.0, "none of the 600 candidates of test have click"),
                                              (1.0, "all of the 600 candidates of test have click")])
def test_labels_of_one_class(tmp_path, value, words):
    one = changed(NOISE, lambda split, number, request: request if split != "test" else dataclasses.replace(
        request, labels={"click": [value] * 5}))
    assert found(tmp_path, one)["one_label"] == f"3 {words}: nothing can be measured"


def test_a_label_that_is_never_observed(tmp_path):
    none = changed(NOISE, lambda split, number, request: request if split != "train" else dataclasses.replace(
        request, labels={"click": [float("nan")] * 5}))
    assert found(tmp_path, none)["one_label"] == "3 click is not observed in train"


def test_few_positives_and_another_rate(tmp_path):
    rare = changed(NOISE, lambda split, number, request: request if split != "test" else dataclasses.replace(
        request, labels={"click": [float(number < 40), 0.0, 0.0, 0.0, 0.0]}))
    warnings = found(tmp_path, rare)
    # sqrt(601 / (12 * 40 * 560)) = 0.0473, twice that
    assert warnings["few_positives"] == "2 test has 40 positives of click: an AUC there is known to ± 0.09"
    assert warnings["rate_differs"].startswith("2 click happens to 6.67% of the candidates of test, but to ")


def test_splits_that_overlap(tmp_path):
    late = changed(NOISE, lambda split, number, request: dataclasses.replace(request, time=START + 4 * DAY + DAY // 2)
                   if split == "train" and number < 30 else request)
    warnings = check_log(write(tmp_path, late))["findings"]
    assert [(one["weight"], one["text"]) for one in warnings] == [
        (3, "30 requests of train (10.0%) came when test had begun"),
        (1, "30 requests of train (10.0%) came when validation had begun")]


def test_events_of_a_history_that_are_later_than_the_request(tmp_path):
    early = changed(NOISE, lambda split, number, request: with_history(
        request, item=["i1"], gap=[-5.0 if number == 7 else 5.0]))
    assert found(tmp_path, early)["later_events"].startswith("3 1 events in histories of ")


def test_days_without_requests_and_without_positives(tmp_path):
    apart = {**NOISE, "train": [dataclasses.replace(request, time=request.time - 300 * DAY) for request in NOISE["train"]]}
    assert found(tmp_path / "days", apart)["no_requests"] == "2 42 of 44 weeks have no request"
    bare = changed(NOISE, lambda split, number, request: dataclasses.replace(
        request, time=START - 30 * DAY + number * DAY // 100, labels={"click": [0.0] * 5} if number < 200 else request.labels)
        if split == "train" else request)
    several = {**bare, "train": [dataclasses.replace(one, request_id=f"{one.request_id}-{copy}", time=one.time + copy)
                                 for copy in range(3) for one in bare["train"]]}
    assert "2 of 35 days have candidates, but no click" in found(tmp_path / "labels", several)["no_positives"]


def test_requests_that_stand_there_twice(tmp_path):
    again = {**NOISE, "test": [*NOISE["test"], *NOISE["train"][:20]], "train": [*NOISE["train"], NOISE["train"][0]]}
    report = check_log(write(tmp_path, again))
    assert report["duplicates"] == {"ids": {"within": 1, "across": 20}, "contents": {"within": 1, "across": 20}}
    assert [one["weight"] for one in report["findings"] if one["kind"] == "duplicates"] == [3, 3, 2, 2]
    renamed = changed(NOISE, lambda split, number, request: dataclasses.replace(request, request_id=f"{split}{number // 2}"))
    assert found(tmp_path / "ids", renamed) == {
        "duplicates": "2 270 requests have an id that another one has of the same split"}


def test_rows_that_fell(tmp_path):
    assert found(tmp_path, NOISE, rows=10_000, rejected={"no item": 150, "no user": 50}, dropped_after_until=4_000) == {
        "rejected": "2 200 of 10,000 rows (2.0%) were rejected; most often: no item",
        "dropped": "2 4,000 of 10,000 rows lie at or after splits.until"}


def test_columns_that_are_missing_or_say_nothing(tmp_path):
    nothing = changed(NOISE, lambda split, number, request: with_candidates(request, score=[float("nan")] * 5))
    assert found(tmp_path / "nothing", nothing) == {"missing": "2 candidate_score is missing in at least 100% of its places in "
                                                    "every split"}
    stops = changed(NOISE, lambda split, number, request: request if split != "test" else with_candidates(
        request, score=[float("nan")] * 5))
    assert found(tmp_path / "stops", stops) == {
        "missing_differs": "3 candidate_score is missing to 0% in train, 0% in validation, 100% in test: a model leans on what "
                           "is not there later"}
    same = changed(NOISE, lambda split, number, request: with_candidates(request, score=[2.5] * 5))
    assert found(tmp_path / "same", same) == {"constant": "1 candidate_score is 2.5 everywhere"}


def test_ids_and_users_that_are_unknown(tmp_path):
    other = changed(NOISE, lambda split, number, request: request if split != "test" else dataclasses.replace(
        with_history(with_candidates(request, item=[f"n{item}" for item in request.candidates["item"]]), item=[], gap=[]),
        features={"user_id": f"other{number}"}))
    warnings = found(tmp_path, other)
    assert warnings["unknown_ids"] == "2 100% of the ids of space item in test are unknown after training"
    assert warnings["new_users"].startswith("2 no user_id of test was seen in training")
    assert warnings["histories_differ"].endswith("of the training requests, in 100% of those of test")


def test_histories_that_are_empty(tmp_path):
    empty = changed(NOISE, lambda split, number, request: with_history(request, item=[], gap=[]))
    assert found(tmp_path, empty) == {
        "empty_histories": "2 history is empty in 100% of the training requests: nothing to read there"}
