"""The whole pipeline, for real: stages, report, push, parity, cache, gate, failures."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from serving.client import RankingClient
from serving.model_dir import schema_of_model
from serving.server import LocalModelServer
from tests.tfx_pipelines.test_commands import KILLED
from tfx_pipelines.anomalies import AnomalyError
from tfx_pipelines.components import serving_validator
from tfx_pipelines.places import serving_dir
from tfx_pipelines.pushed import identity
from tfx_pipelines.report import write_report
from tfx_pipelines.run import run_pipeline
from tfx_pipelines.runners.local import StageError
from tfx_pipelines.scores import SCORES
from zoo import files
from zoo.data.request_log import RequestLog, RequestLogError
from zoo.keras import tf
from zoo.versions import Version, newest_version

pytestmark = pytest.mark.slow
STAGES = ["ImportExampleGen", "DeclaredSchema", "LatestPushedModel", "StatisticsGen", "Transform", "ExampleValidator",
          "Trainer", "Evaluator", "ServingValidator", "Pusher"]


def test_all_stages_ran_and_the_report_has_its_keys(demo, config):
    stored = demo.report
    assert {"dataset", "model", "seed", "metrics", "floors", "blessed", "reasons", "pushed_version", "compared_with_version",
            "serving", "stages"} <= set(stored)
    assert sorted(stage["name"] for stage in stored["stages"]) == sorted(STAGES)
    assert not any(stage["cached"] for stage in stored["stages"])
    assert all(0 < stage["peak_rss_mib"] < 4096 for stage in stored["stages"])
    assert set(stored["serving"]) == {"requests_replayed", "max_abs_diff", "p50_ms", "p99_ms"}
    assert {"auc", "gauc", "logloss", "calibration"} <= set(stored["metrics"])
    assert stored["metrics"]["gauc"]["group_key"] == "user_id"
    for name in ("report.md", "report.png"):
        assert (Path(config.root) / name).stat().st_size > 500


def test_what_a_run_gives_back_is_what_it_writes(ran, config):
    _, report = run_pipeline(config)  # not `ran`: another test may have run the pipeline in the same root since
    assert json.loads((Path(config.root) / "report.json").read_text()) == json.loads(json.dumps(report))


def test_served_scores_are_the_trainers(ran, config):
    run, report = ran
    assert report["serving"]["requests_replayed"] == config.serving.replay_requests
    assert report["serving"]["max_abs_diff"] <= 1e-5
    found = json.loads((Path(run.artifacts["ServingValidator", "blessing"]) / "serving_validation.json").read_text())
    assert set(found["max_abs_diff_by_signature"]) == {"rank", "serving_default"}


def test_pushed_model_answers_and_has_warm_up_and_schema(ran, config, log):
    base = serving_dir(config)
    records = list(tf.data.TFRecordDataset(f"{base}/{ran[1]['pushed_version']}/assets.extra/tf_serving_warmup_requests"))
    assert len(records) == 2 * config.serving.warmup_requests
    requests = [request for request, _ in zip(log.requests("test"), range(5), strict=False)]
    with (LocalModelServer({"din": base}) as server,
          RankingClient(server.target, "din", schema_of_model(base), deadline_s=20) as client):
        client.wait_until_ready()
        for ranking in client.rank(requests):
            assert ranking.scores["click"].shape == (8,) and (0 < ranking.scores["click"]).all()


def test_tfma_measures_what_the_report_measures(ran, config):
    import tensorflow_model_analysis as tfma

    run, report = ran
    result = tfma.load_eval_result(run.artifacts["Evaluator", "evaluation"], model_name="candidate")
    metrics = result.get_metrics_for_slice()
    value = {name: number["doubleValue"] for name, number in metrics.items() if "doubleValue" in number}
    # Candidates that are the same to the model (unknown items of one category) have the same score up to rounding, which
    # depends on the batch; on this small log, one such pair is 0.001.
    assert value["gauc"] == pytest.approx(report["metrics"]["gauc"]["value"], abs=5e-3)
    assert value["auc"] == pytest.approx(report["metrics"]["auc"], abs=1e-3)
    assert value["gauc_groups"] == report["metrics"]["gauc"]["groups"]


def test_vocabularies_are_counted_on_the_training_split_only(ran, log):
    run, _ = ran
    import tensorflow_transform as tft

    vocabulary = tft.TFTransformOutput(run.artifacts["Transform", "transform_graph"]).vocabulary_by_name("vocabulary_item")
    counts: dict[str, int] = {}
    for request in log.requests("train"):
        for item in [*request.candidates["item"], *request.sequences["history"]["item"]]:
            counts[item] = counts.get(item, 0) + 1
    assert {item.decode() for item in vocabulary} == {item for item, count in counts.items() if count >= 2}


def test_second_run_takes_everything_from_the_cache(ran, demo):
    run, report = ran
    fresh = {stage.name for stage in run.stages if not stage.cached}
    # What the first run pushed is a new baseline.
    assert fresh <= {"LatestPushedModel", "Evaluator", "Pusher"}
    assert report["metrics"] == demo.report["metrics"]
    assert demo.report["compared_with_version"] is None
    assert report["compared_with_version"] == demo.report["pushed_version"]


@pytest.fixture
def other_last_bits(monkeypatch):
    """The trainer's scores, as the replay reads them, are the next float32 above: else the two may agree to the last bit."""
    read = serving_validator._expected_scores
    monkeypatch.setattr(serving_validator, "_expected_scores", lambda path: {
        identity: {task: np.nextafter(scores, np.float32(2)) for task, scores in tasks.items()}
        for identity, tasks in read(path).items()})


def test_the_baseline_is_what_was_pushed(ran, config, other_last_bits):
    """B is blessed by the Evaluator and refused by the replay; C is compared with A, and fails the gate."""
    pushed = newest_version(serving_dir(config))
    b = config.model_copy(update={"training": config.training.model_copy(update=KILLED),
                                  "serving": config.serving.model_copy(update={"max_abs_diff": 1e-30})})
    run_b, report_b = run_pipeline(b)
    assert run_b.properties["Evaluator", "blessing"]["blessed"] == 1
    assert not report_b["blessed"] and report_b["pushed_version"] is None and "1e-30" in report_b["reasons"][0]

    c = config.model_copy(update={"training": b.training,  # B again, out of the cache, for which the gate is too high
                                  "gate": config.gate.model_copy(update={"auc": 0.999})})
    run_c, report_c = run_pipeline(c)
    baseline = run_c.artifacts["LatestPushedModel", "model"]
    assert run_c.properties["Evaluator", "blessing"]["baseline_model"] == baseline
    # By content: a model that was pushed twice is one model, and the cache keeps the version that was looked at first.
    assert identity(Version(0, f"{baseline}/Format-Serving")) == identity(pushed)
    compared = report_c["compared_with_version"]
    assert identity(Version(compared, f"{serving_dir(config)}/{compared}")) == identity(pushed)
    assert not report_c["blessed"] and report_c["pushed_version"] is None and "0.999" in report_c["reasons"][0]
    assert newest_version(serving_dir(config)) == pushed


def test_a_refusal_by_the_serving_gate_says_whether_inputs_differ(ran, config, other_last_bits):
    strict = config.model_copy(update={"serving": config.serving.model_copy(update={"max_abs_diff": 1e-12})})
    _, report = run_pipeline(strict)
    assert not report["blessed"] and report["pushed_version"] is None
    assert "what the model reads is the same in training and serving" in report["reasons"][0]


def test_scores_of_the_test_split_are_kept(ran, log):
    run, _ = ran
    with np.load(Path(run.artifacts["Trainer", "model_run"]) / SCORES) as stored:
        assert len(stored["scores/click"]) == log.manifest["splits"]["test"]["candidates"]
        assert len(np.unique(stored["keys/request_id"])) == log.manifest["splits"]["test"]["requests"]


def test_a_failing_stage_is_named_with_its_reason(config, log, tmp_path):
    broken = tmp_path / "log"
    broken.mkdir()
    for name in ("schema.yaml", "manifest.json"):
        (broken / name).write_text((Path(log.path) / name).read_text())
    for split in ("train", "validation", "test"):
        (broken / split).mkdir()
        (broken / split / "requests-00000.tfrecord.gz").write_bytes(b"this is no TFRecord")
    wrong = config.model_copy(update={
        "data": config.data.model_copy(update={"log": str(broken)}),
        "pipeline": config.pipeline.model_copy(update={"root": str(tmp_path / "run")})})
    with pytest.raises(StageError, match=r"stage StatisticsGen failed.*requests-00000.tfrecord.gz: .*\n.*The whole log: "):
        run_pipeline(wrong)
    with pytest.raises(RequestLogError, match="zoo data import"):
        run_pipeline(config.model_copy(update={"data": config.data.model_copy(update={"log": str(tmp_path)})}))


def test_a_label_outside_its_range_ends_the_run(config, log, tmp_path):
    """The writer refuses such a label; a log that was written by something else is caught by ExampleValidator."""
    broken = tmp_path / "log"
    shutil.copytree(log.path, broken)
    shard = next((broken / "validation").iterdir())
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(shard), compression_type="GZIP")]
    example = tf.train.Example.FromString(records[0])
    example.features.feature["label_click"].float_list.value[0] = 7.0
    with tf.io.TFRecordWriter(str(shard), "GZIP") as writer:
        for record in [example.SerializeToString(), *records[1:]]:
            writer.write(record)
    wrong = config.model_copy(update={
        "data": config.data.model_copy(update={"log": str(broken)}),
        "pipeline": config.pipeline.model_copy(update={"root": str(tmp_path / "run")})})
    with pytest.raises(AnomalyError, match="validation: column 'label_click'"):
        run_pipeline(wrong)
    assert not Path(serving_dir(wrong)).exists()


def test_a_report_lies_on_any_file_system(ran, config, log):
    run, report = ran
    remote = {key: f"ram://bucket/{'/'.join(key)}" for key in (("Trainer", "model_run"), ("ServingValidator", "blessing"))}
    for key, uri in remote.items():
        files.copy(run.artifacts[key], uri)
    moved = dataclasses.replace(run, artifacts=run.artifacts | remote)
    assert write_report("ram://bucket/root", config, log, moved) == report
    assert json.loads(files.read_text("ram://bucket/root/report.json")) == json.loads(json.dumps(report))
    assert all(files.is_file(f"ram://bucket/root/report.{ending}") for ending in ("md", "png"))


def test_the_log_is_left_as_it_was(ran, log):
    assert RequestLog(log.path).manifest == log.manifest
