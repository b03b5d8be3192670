"""Targets of measured results: by hand on a small table, and the list as it stands."""

from __future__ import annotations

import json
import math

import pytest

from benchmarks import targets
from benchmarks.targets import Rows, Target, load, report
from zoo.config import ConfigError


def row(model: str, auc: float, dataset: str = "log") -> dict:
    return {"dataset": dataset, "protocol": "p", "model": model, "seeds": 1, "command": "c",
            "metrics": {"auc": {"mean": auc, "std": 0.0}}}


@pytest.fixture
def folder(tmp_path):
    rows = [row("din", 0.8), row("gbdt", 0.9), row("lr", 0.6), row("din", 0.5, "other")]
    (tmp_path / "ranking.json").write_text(json.dumps({"rows": rows}))
    return tmp_path


def target(**changes) -> Target:
    return Target(**{"name": "t", "file": "ranking", "rows": Rows(dataset="log"), "metric": "auc", "target": 0.8, "why": "w"}
                  | changes)


@pytest.mark.parametrize(("changes", "value"), [
    ({"rows": Rows(dataset="log", model="din")}, 0.8),
    ({}, 0.6),                                                     # every row: the worst counts
    ({"direction": "at_most"}, 0.9),
    ({"take": "best"}, 0.9),
    ({"take": "best", "rows": Rows(dataset="log", without=("gbdt",))}, 0.8),
    ({"take": "best", "direction": "at_most"}, 0.6),
    ({"rows": Rows(dataset="log", model="gbdt"), "over": Rows(dataset="log", model="lr")}, 1.5),
    ({"rows": Rows(model="nobody")}, math.nan),
    ({"metric": "gauc"}, math.nan),
    ({"file": "nothing"}, math.nan),
])
def test_the_value_that_counts(folder, changes, value):
    assert target(**changes).value(folder) == pytest.approx(value, nan_ok=True)


def test_a_ratio_is_to_one_row(folder):
    with pytest.raises(ConfigError, match="t: `over` must name one row of ranking.json; it names 3"):
        target(over=Rows(dataset="log")).value(folder)


def test_tolerance_goes_one_way():
    at_least, at_most = target(tolerance=0.125), target(tolerance=0.125, direction="at_most")
    assert [at_least.met(value) for value in (0.67, 0.68, 5.0, math.nan)] == [False, True, True, False]
    assert [at_most.met(value) for value in (0.93, 0.92, -5.0, math.nan)] == [False, True, True, False]


def test_what_fell_is_named_with_its_reason_and_the_last_line_is_json(folder, monkeypatch, capsys):
    best = target(name="rees46-best-neural-auc", take="best", rows=Rows(without=("gbdt",)), target=0.88, why="the aim")
    (folder / "mutations.json").write_text(json.dumps({"mutations": [{"killed_by": "a"}, {"killed_by": ""}]}))
    lines, summary = report((target(take="best"), best), folder)
    assert lines[0].startswith("met ") and lines[1].startswith("FELL") and lines[1].endswith("0.88: the aim")
    assert summary == {"targets": 2, "passed": 1, "mutations": 2, "killed": 1, "rees46_best_neural_auc": 0.8}
    for met, code in ((summary, 1), (summary | {"passed": 2}, 1), (summary | {"passed": 2, "killed": 2}, 0)):
        monkeypatch.setattr(targets, "report", lambda _, met=met: (lines, met))
        with pytest.raises(SystemExit) as end:
            targets.main()
        assert end.value.code == code and json.loads(capsys.readouterr().out.splitlines()[-1]) == met


def test_every_target_of_the_list_is_measured():
    listed = load()
    assert len({one.name for one in listed}) == len(listed) and "rees46-best-neural-auc" in {one.name for one in listed}
    for one in listed:
        assert not math.isnan(one.value()), f"{one.name}: no row of {one.file}.json has it"
