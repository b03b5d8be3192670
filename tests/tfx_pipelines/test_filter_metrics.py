"""Metrics of a filter in the Evaluator: the same as the exact ones, gated, and refused where a log has no pools."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2

from tests.toy import rich_schema, toy_schema
from tfx_pipelines.config import FilterConfig, GateConfig, load_run_config
from tfx_pipelines.evaluation import eval_config, filter_metrics
from tfx_pipelines.filter_metrics import PoolHitRate, TeacherNdcg, TeacherShare
from tfx_pipelines.preflight import check_pools
from tfx_pipelines.run import run_pipeline
from zoo import files
from zoo.config import ConfigError
from zoo.data.example import from_example
from zoo.data.layout import POOLS
from zoo.data.request_log import RequestLog
from zoo.data.simulator import CascadeConfig, SimulatorConfig, write_simulated_log
from zoo.keras import tf
from zoo.metrics import pool_hit_rate, pool_ranks, teacher_ndcg, teacher_share
from zoo.schema import Mark

NAN = float("nan")
# Requests of three and of two candidates, padded to four; the teacher did not score the first one's third candidate.
SCORES = np.array([[.9, .2, .4, 7.0], [.3, .5, 7.0, 7.0]])
TEACHER, CLICK = [[.1, .8, NAN], [.2, .6]], [[1, 0, NAN], [0, NAN]]


def measured(metric: metric_types.Metric) -> float:
    """By TFMA's own way: computations made of the settings as JSON, which Beam calls request by request, in two parts."""
    settings = json.loads(json.dumps(metric.get_config()))
    [computation] = type(metric)(**settings).computations(eval_config=config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="label")]))
    combiner, columns = computation.combiner, {"label_teacher": TEACHER, "label_click": CLICK}
    parts = []
    for row, scores in enumerate(SCORES):
        features = {name: np.array(values[row], np.float32) for name, values in columns.items()}
        element = metric_types.StandardMetricInputs(label=np.zeros(4), prediction=scores, features=features)
        parts.append(combiner.add_input(combiner.create_accumulator(), element))
    [value] = combiner.extract_output(combiner.merge_accumulators(parts)).values()
    return value


def test_values_by_hand():
    """Padding never counts, nor what the teacher did not score; a request with no more than m candidates keeps all."""
    # Of the first request, two candidates were scored: the student has the first one, the teacher the second. The same of the
    # second request, where they agree.
    assert measured(TeacherShare(teacher="label_teacher", k=1, m=1, name="s")) == 0.5
    assert measured(TeacherNdcg(teacher="label_teacher", k=1, name="n")) == pytest.approx((.1 / .8 + 1) / 2)
    assert measured(PoolHitRate(column="label_click", m=2, name="c")) == 1.0
    # What was exposed and not clicked: the first request's second candidate is its last, the second request keeps both.
    assert measured(PoolHitRate(column="label_click", value=0.0, m=2, name="u")) == 0.0
    assert measured(PoolHitRate(column="label_click", value=0.0, m=1, name="u")) == 0.0
    assert np.isnan(measured(PoolHitRate(column="label_click", m=3, name="c")))


def test_a_log_has_the_metrics_that_it_allows():
    rich = rich_schema().model_copy(update={"marks": (Mark(name="elsewhere", role="bought_outside"),)})
    found = filter_metrics(rich, kept=[100, 200], top=[10])
    assert list(found) == [f"{name}_{m}" for m in (100, 200)
                           for name in ("top10_in", "ndcg", "click", "unclicked", "isph", "asph")]
    assert found["asph_200"] == ("PoolHitRate", {"column": "mark_elsewhere", "m": 200})
    assert found["isph_100"][1]["column"] == "label_purchase" and found["top10_in_100"][1]["teacher"] == "label_teacher"
    assert list(filter_metrics(toy_schema(), kept=[5], top=[10])) == ["click_5", "unclicked_5"]


def test_the_gate_may_ask_for_them():
    gate = GateConfig(filter={"top50_in_600": 0.9, "unclicked_600": 0.4}, max_drop=0.125)
    config = eval_config(rich_schema(), gate, FilterConfig())
    bounds = {json.loads(metric.config)["name"]: metric.threshold for metric in config.metrics_specs[0].metrics
              if metric.module.endswith("filter_metrics") and metric.HasField("threshold")}
    assert set(bounds) == {"top50_in_600", "unclicked_600"}
    assert bounds["top50_in_600"].value_threshold.lower_bound.value == 0.9
    assert bounds["unclicked_600"].value_threshold.upper_bound.value == 0.4
    assert bounds["unclicked_600"].change_threshold.direction == config_pb2.MetricDirection.LOWER_IS_BETTER
    assert [threshold.change_threshold.absolute.value for threshold in bounds.values()] == [-0.125, 0.125]
    with pytest.raises(ConfigError, match=r"gate\.filter\.top5_in_600: no such metric .* did you mean 'top50_in_600'"):
        eval_config(rich_schema(), GateConfig(filter={"top5_in_600": 0.9}), FilterConfig())
    with pytest.raises(ConfigError, match="`filter` says how many"):
        eval_config(rich_schema(), gate)


@pytest.fixture(scope="module")
def cascade(tmp_path_factory) -> RequestLog:
    config = SimulatorConfig(requests=900, users=150, items=600, base=-4.0, labels=("click", "purchase"), cascade=CascadeConfig(
        pool=100, coarse=80, fine=30, pools=60))
    return write_simulated_log(config, tmp_path_factory.mktemp("cascade") / "log")


def test_a_log_without_pools_or_with_too_small_ones_is_told(cascade, tmp_path):
    check_pools(cascade, FilterConfig(kept=(40,)))
    with pytest.raises(ConfigError, match=r"filter\.kept: 600 of the 100 candidates"):
        check_pools(cascade, FilterConfig())
    plain = write_simulated_log(SimulatorConfig(requests=300, users=100), tmp_path / "log")
    check_pools(plain, None)
    with pytest.raises(ConfigError, match="has no split 'pools'"):
        check_pools(plain, FilterConfig())


@pytest.mark.slow
def test_a_run_measures_its_model_on_the_pools_as_the_exact_metrics_do(cascade, tmp_path):
    run, report = run_pipeline(load_run_config("demo", [
        f"data.log={cascade.path}", f"pipeline.root={tmp_path}", "gate.auc=0.1", "gate.gauc=0.1", "gate.max_drop=1",
        "gate.filter.top10_in_40=0.999", "training.epochs=1", "filter.kept=[40]", "filter.top=[10]",
        "serving.replay_requests=20"], model="lr", options={"teacher": {"name": "gbdt", "config": {"trees": 20}}}))
    model = tf.saved_model.load(report["trained_model"]).signatures["serving_default"]
    schema = load_run_config("demo", model="lr", options={"teacher": {"name": "gbdt"}}).teacher.taught(cascade.schema)
    [path] = files.glob(f"{run.artifacts['TeacherScores', 'scored_examples']}/Split-{POOLS}", "*.gz")
    examples = [record.numpy() for record in tf.data.TFRecordDataset(path, compression_type="GZIP")]
    requests = [from_example(schema, example) for example in examples]
    scores, names = model(examples=tf.constant(examples))["click"].numpy().ravel(), np.repeat(np.arange(60), 100)
    student = pool_ranks(names, scores)

    def column(kind: str, name: str) -> np.ndarray:
        return np.concatenate([getattr(request, kind)[name] for request in requests])

    gains, click = column("labels", "click_teacher"), column("labels", "click")
    teacher = pool_ranks(names, gains)
    expected = {"top10_in_40": teacher_share(student, teacher, 10, 40), "ndcg_40": teacher_ndcg(student, teacher, gains, 40),
                "click_40": pool_hit_rate(student, click, 40), "unclicked_40": pool_hit_rate(student, click == 0, 40),
                "isph_40": pool_hit_rate(student, column("labels", "purchase"), 40),
                "asph_40": pool_hit_rate(student, column("marks", "bought_outside"), 40)}
    assert report["filter"] == pytest.approx({name: mean.value for name, mean in expected.items()}, abs=1e-4)
    assert len(scores) == 6_000 and "| top10_in_40 of pools |" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert not report["blessed"] and any("TOP10_IN_40" in one and "below the gate's" in one for one in report["reasons"])
