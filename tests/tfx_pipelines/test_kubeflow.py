"""The same pipeline compiles for Kubeflow Pipelines v2, offline."""

from __future__ import annotations

import json

import pytest
import yaml

from tfx_pipelines.runners.kubeflow import compile_kubeflow
from zoo.config import ConfigError

NODES = {"ImportExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "Transform", "Trainer",
         "LatestPushedModel", "Evaluator", "ServingValidator", "Pusher"}


@pytest.fixture(scope="module")
def remote(config, log):
    return config.model_copy(update={
        "pipeline": config.pipeline.model_copy(update={"root": "gs://bucket/root", "image": "registry/zoo:1", "name": "shop"}),
        "data": config.data.model_copy(update={"log": "gs://bucket/log"})})


def test_json_holds_every_component_with_the_image(remote, log, tmp_path):
    spec = json.loads(compile_kubeflow(remote, log.schema, tmp_path / "pipeline.json").read_text())["pipelineSpec"]
    assert NODES <= set(spec["root"]["dag"]["tasks"])
    containers = [executor["container"] for executor in spec["deploymentSpec"]["executors"].values()
                  if "container" in executor]
    assert containers and all(container["image"] == "registry/zoo:1" for container in containers)
    ours = json.dumps([c for c in containers if "serving_validator" in json.dumps(c)])
    assert "tfx_pipelines.components.serving_validator" in ours
    assert "gs://bucket/log" in json.dumps(spec)


def test_yaml_is_kfps_own_form(remote, log, tmp_path):
    documents = list(yaml.safe_load_all(compile_kubeflow(remote, log.schema, tmp_path / "pipeline.yaml").read_text()))
    assert NODES <= set(documents[0]["root"]["dag"]["tasks"])


def test_another_ending_is_refused(remote, log, tmp_path):
    with pytest.raises(ConfigError, match=r"\.json or \.yaml"):
        compile_kubeflow(remote, log.schema, tmp_path / "pipeline.txt")
