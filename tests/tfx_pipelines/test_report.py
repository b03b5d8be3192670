"""What a report says of logs with one positive a request, where the pipeline test's log has pages."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_schema
from tfx_pipelines.config import load_run_config
from tfx_pipelines.config_teacher import TeacherConfig
from tfx_pipelines.report import _verdict, exact_metrics, in_words
from tfx_pipelines.report_teacher import by_stage, hearing, stage_lines
from tfx_pipelines.runners.local import LocalRun
from zoo.schema import REQUEST_ID, Label, Mark
from zoo.training import Scored


def leave_one_out(ranks: list[int], candidates: int = 12) -> Scored:
    """One request for each rank of its positive, from 1."""
    count = len(ranks) * candidates
    scores = np.tile(np.linspace(0.9, 0.1, candidates), len(ranks))
    labels = np.concatenate([np.arange(1, candidates + 1) == rank for rank in ranks]).astype(float)
    requests = np.repeat(np.arange(len(ranks)), candidates)
    return Scored({"click": labels}, {"click": scores}, {"click": np.ones(count)},
                  keys={"user_id": requests, REQUEST_ID: requests})


def test_hit_rates_are_reported_and_held_against_their_floors():
    metrics = exact_metrics(leave_one_out([1, 3, 7, 12]), "user_id", "click")
    assert metrics["hr_at_5"] == 0.5 and metrics["hr_at_10"] == 0.75
    assert metrics["ndcg_at_5"] == np.mean([1, 1 / np.log2(4), 0, 0])
    run = LocalRun(stages=[], artifacts={}, properties={("Evaluator", "blessing"): {"blessed": 1}})
    floors = {"hr_at_5": {"popularity": 0.6}, "hr_at_10": {"popularity": 0.7}}
    blessed, reasons = _verdict(run, {"blessed": True}, metrics, floors, load_run_config("demo"))
    assert blessed and reasons[1:] == ["HR@5 0.5000 is below the floor popularity 0.6 (reported only)"]


def test_a_refusal_by_the_serving_gate_says_why():
    run = LocalRun(stages=[], artifacts={}, properties={("Evaluator", "blessing"): {"blessed": 1}})
    served = {"blessed": False, "max_abs_diff": 0.005, "tolerance": 1e-5, "cause": "price_bucket 34.55 is 7 and 8",
              "max_rounding": 1e-5, "max_abs_diff_by_signature": {"rank": 0.005, "serving_default": 0.0}}
    metrics = exact_metrics(leave_one_out([1, 3]), "user_id", "click")
    blessed, reasons = _verdict(run, served, metrics, {}, load_run_config("demo"))
    assert not blessed
    assert reasons == ["served scores differ from the trainer's by 0.005, above 1e-05; price_bucket 34.55 is 7 and 8"]
    _, rounded = _verdict(run, served | {"max_rounding": 1e-3}, metrics, {}, load_run_config("demo"))
    assert rounded == ["scores by ids alone differ from the trainer's by 0.005, above 0.001 (export.max_rounding); keep the "
                       "items in float32 (export.item_table), or allow more"]


@pytest.mark.parametrize(("margin", "sentences"), [
    (0.0, ["GAUC 0.5000 is below the floor counts 0.6"]),
    (0.2, ["AUC 0.7000 is below the floor counts 0.6 + 0.2", "GAUC 0.5000 is below the floor counts 0.6 + 0.2"]),
    (None, ["GAUC 0.5000 is below the floor counts 0.6 (reported only)"]),
])
def test_floors_that_were_not_passed_are_named(margin, sentences):
    run = LocalRun(stages=[], artifacts={}, properties={("Evaluator", "blessing"): {"blessed": 1}})
    config = load_run_config("demo", [f"gate.above_floors={'null' if margin is None else margin}"])
    floors = {"auc": {"counts": 0.6}, "gauc": {"counts": 0.6}}
    _, reasons = _verdict(run, {"blessed": True}, {"auc": 0.7, "gauc": {"value": 0.5}}, floors, config)
    assert reasons[1:] == sentences


def test_metrics_in_words():
    assert [in_words(name) for name in ("auc", "ndcg_at_10", "hr_at_5")] == ["AUC", "NDCG@10", "HR@5"]


def test_the_report_says_where_a_teacher_should_be_heard():
    rng = np.random.default_rng(0)
    truth, stages = rng.uniform(0, 0.4, 4000), np.repeat([3.0, 0.0], 2000)
    says = np.where(stages == 3, truth, rng.uniform(0, 0.4, 4000))  # it knows what was shown, and guesses at the rest
    scored = Scored({"click": truth > 2, "click_teacher": says}, {"click": np.full(4000, 0.2)}, {"click": stages == 3},
                    truth={"click": truth}, marks={"came": stages})
    schema = toy_schema((Label(name="click", truth=True),)).model_copy(update={"marks": (Mark(name="came", role="stage"),)})
    metrics = by_stage(TeacherConfig(name="din"), scored, schema, "click")
    assert metrics["hear_teacher"] == {"order": ["exposed"], "probabilities": ["exposed"]}
    assert [one["stage"] for one in metrics["stages"]["model"]] == ["exposed", "recalled"]
    sentence = hearing(metrics)
    assert sentence is not None and sentence.endswith("turn it off (distillation.stages) on: recalled")
    assert sentence + "." in stage_lines(metrics)
    assert by_stage(None, scored, toy_schema(), "click") == {} and hearing({}) is None
