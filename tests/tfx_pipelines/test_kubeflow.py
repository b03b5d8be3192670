"""The same pipeline compiles for Kubeflow Pipelines v2, offline, in the form that its open-source backend takes."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tfx_pipelines.runners.kubeflow import compile_kubeflow, legal_name
from zoo.config import ConfigError

NODES = {"ImportExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "Transform", "Trainer",
         "LatestPushedModel", "Evaluator", "ServingValidator", "Pusher"}


@pytest.fixture(scope="module")
def remote(config, log):
    return config.model_copy(update={
        "pipeline": config.pipeline.model_copy(
            update={"root": "gs://bucket/shop", "image": "registry/zoo:1", "name": "My_Shop"}),
        "data": config.data.model_copy(update={"log": "gs://bucket/log"})})


@pytest.fixture(scope="module")
def spec(remote, log, tmp_path_factory):
    path = compile_kubeflow(remote, log.schema, tmp_path_factory.mktemp("json") / "pipeline.json")
    return json.loads(path.read_text(encoding="utf-8"))["pipelineSpec"]


def test_every_component_has_the_image(spec):
    assert NODES == set(spec["root"]["dag"]["tasks"])
    containers = [executor["container"] for executor in spec["deploymentSpec"]["executors"].values()]
    assert len(containers) == len(NODES) and all(container["image"] == "registry/zoo:1" for container in containers)
    ours = json.dumps([c for c in containers if "serving_validator" in json.dumps(c)])
    assert "tfx_pipelines.components.serving_validator" in ours
    assert "gs://bucket/log" in json.dumps(spec)


def test_the_backend_takes_the_schema_and_every_executor(spec):
    """It refuses schema 2.0.0 and resolvers, "non-container and non-importer executor not implemented"."""
    assert spec["schemaVersion"] == "2.1.0"
    assert all(set(executor) <= {"container", "importer"} for executor in spec["deploymentSpec"]["executors"].values())


def test_no_cache_answers_for_what_was_pushed(spec):
    tasks = spec["root"]["dag"]["tasks"]
    assert {name for name, task in tasks.items() if not task.get("cachingOptions")} == {"LatestPushedModel"}


def test_nothing_of_this_machine_stands_in_it(spec):
    assert not re.search(r"depends_on|/tmp/|/home/|\"/root/", json.dumps(spec))


def test_yaml_is_kfps_own_form(spec, remote, log, tmp_path):
    path = compile_kubeflow(remote, log.schema, tmp_path / "pipeline.yaml")
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == spec


def test_another_ending_is_refused(remote, log, tmp_path):
    with pytest.raises(ConfigError, match=r"\.json or \.yaml"):
        compile_kubeflow(remote, log.schema, tmp_path / "pipeline.txt")


@pytest.mark.parametrize(("name", "legal"), [
    ("shop-gbdt_lr", "shop-gbdt-lr"), ("log-embedding_mlp", "log-embedding-mlp"), ("My_Shop-din", "my-shop-din"),
    ("My Shop (2)-din", "my-shop-2-din"), ("Läden-din", "laden-din"), ("商店-din", "din"), ("商店", "pipeline"),
    ("-x" * 100, ("x-" * 64)), ("shop-din", "shop-din"),
])
def test_any_name_makes_a_legal_one(name, legal):
    assert legal_name(name) == legal and re.fullmatch("[a-z0-9][a-z0-9-]{0,127}", legal)


def test_the_compiled_pipeline_has_the_legal_name(spec):
    assert spec["pipelineInfo"]["name"] == "my-shop"
