"""What the benchmark of coarse rankers makes of its runs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import coarse
from benchmarks.settings import settings
from benchmarks.variants import LADDER
from tests.toy import toy_bound
from zoo.models import registry
from zoo.stages import StageTag
from zoo.training import Scored

SCORES = [.9, .8, .7, .6, .5, .4, .3, .2]


class Teacher:
    """One that scored the pools the other way round."""

    task, files = "click", {"pools": []}
    measured = {"test": {"gauc": 0.8, "auc": 0.7}, "seconds": 3}

    def pools(self) -> Scored:
        return pools(SCORES[::-1])


def pools(scores: list[float]) -> Scored:
    """Two requests of four candidates; the first of each was shown, the second request's third was bought elsewhere."""
    labels, weights = np.array([1., 0, 0, 0, 0, 0, 0, 0]), np.array([1., 0, 0, 0, 1, 0, 0, 0])
    return Scored({"click": labels}, {"click": np.array(scores)}, {"click": weights},
                  {"click": np.array([.4, .3, .2, .1, .1, .2, .3, .4])}, {"request_id": np.repeat([b"a", b"b"], 4)},
                  {"stage": np.array([3., 2, 1, 0] * 2), "bought_outside": np.array([0., 0, 0, 0, 0, 0, 1, 0])})


def test_pools_are_measured_by_the_teacher_by_what_happened_and_by_the_truth(monkeypatch):
    monkeypatch.setattr(coarse, "KEPT", 2)
    monkeypatch.setattr(coarse, "TOP", (1, 2))
    monkeypatch.setattr(coarse, "SWEPT", (3,))
    found = coarse.of_pools(pools(SCORES), Teacher())
    # The student keeps the first two of each request, the teacher's best are the last.
    assert found["top1_in_2"] == found["top2_in_2"] == 0 and found["swept top50_in_3"] == 0.75
    assert found["click_2"] == found["unclicked_2"] == 1 and found["asph_2"] == 0 and found["swept asph_3"] == 1
    # The truth's best 50 are all four of a request, of which the student keeps two.
    assert found["truth50_in_2"] == 0.5
    # Of each stage there are two candidates, one of each request.
    assert [found[f"order_{tag.name.lower()}"] for tag in StageTag] == [0.0, 0.0, 1.0, 1.0]
    alone = coarse.of_teacher(Teacher())["pools"]
    assert "click_2" in alone and not any("top" in name or "ndcg" in name for name in alone)


def runs(*gauc: float) -> list[dict]:
    pools = {"click_600": 0.5, "swept asph_100": 0.25, "swept asph_2000": float("nan")}
    return [{"test": {"gauc": value, "auc": 0.6}, "seconds": 2.0, "pools": pools} for value in gauc]


def test_lifts_are_thousandths_paired_by_seed():
    of = {"dssm": runs(.70, .72), "dssm-mlp": runs(.71, .73), "dssm-fm": runs(.74, .73), "gbdt": runs(.69, .69)}
    assert coarse.lifts("dssm", of) == {}
    ten = {"mean": 10.0, "std": 0.0}
    assert coarse.lifts("dssm-mlp", of) == {"lift_over_dssm": ten, "lift_of_step": ten}
    assert coarse.lifts("dssm-fm", of) == {"lift_over_dssm": {"mean": 25.0, "std": pytest.approx(21.2)},
                                           "lift_of_step": {"mean": 15.0, "std": pytest.approx(21.2)}}
    assert list(coarse.lifts("gbdt", of)) == ["lift_over_dssm"]
    teacher = coarse.lifts("teacher", {**of, "teacher": runs(.75)})
    assert teacher == {"lift_over_dssm": {"mean": 40.0, "std": pytest.approx(14.1)}}


def test_cuts_of_several_sizes_are_rows_of_their_own():
    one, swept = coarse.rows_of("log", "dssm", {"dssm": runs(.7, .8)}, "command")
    assert one["metrics"]["gauc"]["mean"] == 0.75 and one["metrics"]["click_600"]["mean"] == 0.5 and one["seeds"] == 2
    assert swept["dataset"] == "log_swept" and swept["metrics"] == {"asph_100": {"mean": 0.25, "std": 0.0}}
    assert len(coarse.rows_of("log", "dssm", {"dssm": [{"test": {"gauc": 1, "auc": 1}, "seconds": 1}]}, "c")) == 1


def test_each_step_of_the_ladder_turns_on_one_switch_more():
    switches = [registry.build(model, toy_bound(), config).config for model, config, _ in (settings("sim", n) for n in LADDER)]
    changed = [{name for name, value in after if value != getattr(before, name)}
               for before, after in zip(switches, switches[1:], strict=False)]
    assert changed == [{"head"}, {"crossing"}, {"nova"}, {"senet"}, {"bilinear"}]
    for name in coarse.MODELS:
        model, config, _ = settings("cascade", name)
        registry.get(model).Config.model_validate(config)
    assert set(coarse.BEFORE) | set(coarse.BEFORE.values()) <= set(coarse.MODELS)
