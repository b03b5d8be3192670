"""Kubeflow's own client uploads, starts and follows a compiled pipeline, over HTTP, to its report."""

from __future__ import annotations

import json
import logging
import re

import pytest

from tests.kubeflow.api import running_api
from tfx_pipelines.config import load_run_config
from tfx_pipelines.runners.submitted import SubmitError, finish, start
from zoo.config import ConfigError

REPORT = {"dataset": "shop", "model": "din", "blessed": True, "reasons": ["all thresholds passed"], "floors": {},
          "metrics": {"auc": 0.71, "gauc": {"value": 0.69, "group_key": "user_id"}, "logloss": 0.4,
                      "calibration": {"ratio": 1.0}},
          "serving": {"requests_replayed": 50, "max_abs_diff": 1e-7, "p50_ms": 1.0, "p99_ms": 2.0},
          "pushed_version": 1700000000}
GOES_WELL = [("PENDING", {}, ""), ("RUNNING", {"Trainer": "RUNNING"}, ""), ("SUCCEEDED", {"Trainer": "SUCCEEDED"}, "")]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No proxy between two ends of one machine, and no line for each request."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)


@pytest.fixture
def compiled(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("pipelineInfo: {name: shop-din}\nschemaVersion: 2.1.0\n---\nplatforms: {}\n", encoding="utf-8")
    return path


def config(api, root, *settings: str):
    return load_run_config("demo", ["data.log=log", "pipeline.name=Shop_din", f"pipeline.root={root}", *settings],
                           options={"cluster.endpoint": api.url})


def test_a_run_is_uploaded_started_and_followed_to_its_report(compiled, tmp_path, capsys):
    (tmp_path / "report.json").write_text(json.dumps(REPORT), encoding="utf-8")
    lines: list[str] = []
    with running_api(GOES_WELL) as api:
        made = config(api, tmp_path, "cluster.service_account=trainer", "cluster.experiment=nightly")
        started = start(made, compiled, lines.append)
        api.fail_looks = 2  # the API is replaced while the run goes on
        assert started is not None and finish(started, made, lines.append, interval=0.01)
        start(made, compiled, lines.append)
    (name, sent), (again, _) = api.uploads
    assert (name, sent) == ("shop-din", compiled.read_bytes()) and again.startswith("shop-din 2")
    assert api.experiments == ["nightly"]
    first, second = api.runs
    assert first["pipeline_version_reference"] == {"pipeline_id": "p1", "pipeline_version_id": "v1"}
    assert second["pipeline_version_reference"]["pipeline_version_id"] == "v2"
    assert first["service_account"] == "trainer" and first["runtime_config"]["pipeline_root"] == str(tmp_path)
    assert [re.sub(" +", " ", line) for line in lines[1:3]] == ["Trainer running", "Trainer succeeded"]
    assert "0.7100" in (said := capsys.readouterr().out) and "1700000000" in said


def test_a_model_that_was_not_blessed_is_no_success(compiled, tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(REPORT | {"blessed": False, "pushed_version": None, "trained_model": "x"}))
    with running_api(GOES_WELL) as api:
        made = config(api, tmp_path)
        assert not finish(start(made, compiled), made, interval=0.01)


def test_a_failed_run_names_its_steps(compiled, tmp_path):
    with running_api([("FAILED", {"Transform": "SUCCEEDED", "Trainer": "FAILED"}, "exit code 137")]) as api:
        made = config(api, tmp_path)
        with pytest.raises(SubmitError, match="run r1 ended as failed\n  Trainer: exit code 137\n"):
            finish(start(made, compiled), made, interval=0.01)


def test_a_schedule_replaces_the_one_before(compiled, tmp_path):
    with running_api([]) as api:
        for hour in (4, 5):
            assert start(config(api, tmp_path, f"cluster.schedule=0 0 {hour} * * *"), compiled) is None
        api.schedules["other"] = {"display_name": "another pipeline"}
        assert start(config(api, tmp_path, "cluster.schedule=0 0 6 * * *"), compiled) is None
    kept = {key: one for key, one in api.schedules.items() if key != "other"}
    (made,) = kept.values()
    assert made["trigger"]["cron_schedule"]["cron"] == "0 0 6 * * *" and made["max_concurrency"] == 1 and made["no_catchup"]
    assert not api.runs and "other" in api.schedules


def test_what_the_backend_says_is_passed_on(compiled, tmp_path):
    with running_api([]) as api:
        api.refuse = "schema 2.0.0 is not supported"
        with pytest.raises(SubmitError, match=r"127\.0\.0\.1.*refuses: schema 2\.0\.0 is not supported"):
            start(config(api, tmp_path), compiled)
        gone = config(api, tmp_path)
    with pytest.raises(SubmitError, match="no Kubeflow Pipelines answers there"):
        start(gone, compiled)
    with pytest.raises(ConfigError, match="cluster.endpoint.*--endpoint"):
        start(gone.model_copy(update={"cluster": gone.cluster.model_copy(update={"endpoint": None})}), compiled)


@pytest.mark.parametrize(("setting", "message"), [
    ("schedule=0 4 * * *", "six fields"), ("secrets={A: b}", "SECRET/KEY"), ("environment={A-B: c}", "environment variable"),
    ("retries=-1", "greater than or equal to 0")])
def test_a_setting_that_no_cluster_takes_is_named(setting, message):
    with pytest.raises(ConfigError, match=rf"cluster\..*{message}"):
        load_run_config("demo", [f"cluster.{setting}"])
