"""The same pipeline compiles for Kubeflow Pipelines and for Vertex AI, offline, in the form that each of them takes."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.kubeflow.launcher import RefusedError, check, order
from tests.toy import toy_schema
from tfx_pipelines.config import load_run_config, shipped
from tfx_pipelines.runners.kubeflow import NEVER_CACHED, compile_pipeline, legal_name, pipeline_job
from zoo.config import ConfigError
from zoo.schema import Schema

NODES = {"ImportExampleGen", "StatisticsGen", "DeclaredSchema", "ExampleValidator", "Transform", "Trainer",
         "LatestPushedModel", "Evaluator", "ServingValidator", "Pusher", "RunReport"}
PLACES = ["data.log=gs://bucket/log", "pipeline.root=gs://bucket/shop", "pipeline.image=registry/zoo:1",
          "pipeline.name=My_Shop"]


def job(*settings: str, config: str = "demo", target: str = "kubeflow", model: str | None = None, schema: Schema | None = None):
    loaded = load_run_config(config, [*PLACES, *settings], model=model)
    return pipeline_job(loaded, schema or toy_schema(), target, log_digest="abc")


@pytest.fixture(scope="module")
def spec():
    return job()["pipelineSpec"]


def test_every_step_runs_our_entry_point_in_the_image(spec):
    assert NODES == set(spec["root"]["dag"]["tasks"])
    containers = [executor["container"] for executor in spec["deploymentSpec"]["executors"].values()]
    assert len(containers) == len(NODES) and all(container["image"] == "registry/zoo:1" for container in containers)
    assert all(container["command"] == ["python", "-m", "tfx_pipelines.container"] for container in containers)
    assert all("{{$}}" in container["args"] and "--local" in container["args"] for container in containers)
    assert not any("lifecycle" in container for container in containers)


@pytest.mark.parametrize("config", shipped())
def test_every_configuration_that_comes_with_the_package_compiles_for_both(config):
    check(job(config=config)["pipelineSpec"])
    vertex = job(config=config, target="vertex")["pipelineSpec"]
    assert vertex["schemaVersion"] == "2.0.0"
    assert all("--local" not in executor["container"]["args"] for executor in vertex["deploymentSpec"]["executors"].values())


@pytest.mark.parametrize("settings", [["teacher={name: lr}"], ["teacher={pushed: 's3://other/serving/din'}"]])
def test_with_a_teacher_too(settings):
    spec = job(*settings, model="dssm")["pipelineSpec"]
    check(spec)
    steps = order(spec)
    assert steps.index("TeacherScores") < steps.index("Trainer") < steps.index("ItemTable") < steps.index("Pusher")


def test_what_the_backend_refuses_is_refused_here(spec):
    """It takes schema 2.1.0 alone, and "non-container and non-importer executor not implemented"."""
    check(spec)
    with pytest.raises(RefusedError, match="schema 2.0.0"):
        check(spec | {"schemaVersion": "2.0.0"})
    executors = spec["deploymentSpec"]["executors"] | {"baseline": {"resolver": {}}}
    with pytest.raises(RefusedError, match="baseline: resolver"):
        check(spec | {"deploymentSpec": {"executors": executors}})


def test_caches_do_not_answer_for_folders_and_know_the_log_by_what_it_holds(spec):
    tasks = spec["root"]["dag"]["tasks"]
    assert {name for name, task in tasks.items() if not task.get("cachingOptions")} == set(NEVER_CACHED) & NODES
    assert "abc" in json.dumps(tasks["ImportExampleGen"]["inputs"])
    unknown = pipeline_job(load_run_config("demo", PLACES), toy_schema(), "kubeflow")["pipelineSpec"]["root"]["dag"]["tasks"]
    assert not unknown["ImportExampleGen"].get("cachingOptions") and unknown["Transform"].get("cachingOptions")


def test_nothing_of_this_machine_stands_in_it(spec):
    assert not re.search(r"depends_on|/tmp/|/home/|\"/root/", json.dumps(spec))


def test_the_files_are_what_each_platform_takes(tmp_path):
    config = load_run_config("demo", [*PLACES, "cluster.secrets={AWS_SECRET_ACCESS_KEY: s3/secret}"])
    spec, platform = yaml.safe_load_all(compile_pipeline(config, toy_schema(), tmp_path / "x.yaml").read_text(encoding="utf-8"))
    assert spec["schemaVersion"] == "2.1.0" and spec["defaultPipelineRoot"] == "gs://bucket/shop"
    trainer = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["Trainer_executor"]
    assert trainer == {"secretAsEnv": [{"secretName": "s3", "keyToEnv": [
        {"envVar": "AWS_SECRET_ACCESS_KEY", "secretKey": "secret"}]}]}
    plain = load_run_config("demo", PLACES)
    job = json.loads(compile_pipeline(plain, toy_schema(), tmp_path / "x.json", "vertex").read_text(encoding="utf-8"))
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/shop"
    text = compile_pipeline(plain, toy_schema(), tmp_path / "y.yaml").read_text(encoding="utf-8")
    assert len(list(yaml.safe_load_all(text))) == 1 and not re.search(r": [&*]id\d", text)
    for name, target in (("x.yaml", "vertex"), ("x.json", "kubeflow"), ("x.txt", "kubeflow")):
        with pytest.raises(ConfigError, match=rf"{target} are written as \."):
            compile_pipeline(plain, toy_schema(), tmp_path / name, target)


def test_steps_get_what_the_configuration_says():
    made = job("cluster={retries: 2, environment: {A: b}, step: {cpu: 2}, steps: {Trainer: {gpu: 1, memory_gb: 32, image: "
               "'registry/zoo:1-cuda'}}}")["pipelineSpec"]
    check(made)
    executors = made["deploymentSpec"]["executors"]
    trainer, transform = (executors[f"{name}_executor"]["container"] for name in ("Trainer", "Transform"))
    assert trainer["image"] == "registry/zoo:1-cuda" and transform["image"] == "registry/zoo:1"
    assert trainer["resources"] == {"cpuLimit": 2.0, "cpuRequest": 2.0, "memoryLimit": 32.0, "memoryRequest": 32.0,
                                    "accelerator": {"type": "nvidia.com/gpu", "count": "1"}}
    assert transform["resources"] == {"cpuLimit": 2.0, "cpuRequest": 2.0} and transform["env"] == [{"name": "A", "value": "b"}]
    assert all(task["retryPolicy"] == {"maxRetryCount": 2, "backoffFactor": 2.0, "backoffDuration": "60s"}
               for task in made["root"]["dag"]["tasks"].values())


@pytest.mark.parametrize(("settings", "target", "message"), [
    (["cluster.steps={Trianer: {gpu: 1}}"], "kubeflow", "Trianer: the pipeline has no such step; did you mean 'Trainer'"),
    (["cluster.image_pull_policy=Never"], "vertex", "imagePullPolicy is for Kubeflow"),
    (["pipeline.root=/data"], "kubeflow", "pipeline.root: /data is no place"),
    (["pipeline.root=s3://b/x"], "vertex", "gs://"),
    (["beam={runner: FlinkRunner}"], "kubeflow", "beam.temporary"),
])
def test_what_a_platform_can_not_do_is_said_before(settings, target, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        job(*settings, target=target)


def test_where_beam_runs_elsewhere_its_steps_are_told_a_folder_that_all_reach():
    made = job("beam={runner: FlinkRunner, temporary: 'gs://bucket/beam'}")["pipelineSpec"]
    words = made["deploymentSpec"]["executors"]["Transform_executor"]["container"]["args"]
    assert words[words.index("--temporary") + 1] == "gs://bucket/beam"
    assert words[words.index("--") + 1] == "--runner=FlinkRunner"


def test_an_s3_root_is_read_as_one_whatever_the_launcher_calls_it():
    made = job("pipeline.root=minio://mlpipeline/shop")["pipelineSpec"]
    assert made["defaultPipelineRoot"] == "minio://mlpipeline/shop"
    tasks = made["root"]["dag"]["tasks"]
    assert "s3://mlpipeline/shop/serving/din" in json.dumps(tasks["Pusher"]) and "minio" not in json.dumps(tasks)
    # TensorFlow, which writes checkpoints, does not reach it.
    assert '"checkpoints": null' in tasks["Trainer"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"]


@pytest.mark.parametrize(("name", "legal"), [
    ("shop-gbdt_lr", "shop-gbdt-lr"), ("log-embedding_mlp", "log-embedding-mlp"), ("My_Shop-din", "my-shop-din"),
    ("My Shop (2)-din", "my-shop-2-din"), ("Läden-din", "laden-din"), ("商店-din", "din"), ("商店", "pipeline"),
    ("-x" * 100, ("x-" * 64)), ("shop-din", "shop-din"),
])
def test_any_name_makes_a_legal_one(name, legal):
    assert legal_name(name) == legal and re.fullmatch("[a-z0-9][a-z0-9-]{0,127}", legal)


def test_the_compiled_pipeline_has_the_legal_name(spec):
    assert spec["pipelineInfo"]["name"] == "my-shop"
