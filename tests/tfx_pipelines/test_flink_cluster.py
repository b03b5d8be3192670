"""The Kubernetes objects of a Flink on which a run's Beam stages run."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from serving.fleet.commented import plain
from tfx_pipelines.cli import zoo
from tfx_pipelines.config import load_run_config
from tfx_pipelines.flink_cluster import Size, beam_settings, flink_cluster
from tfx_pipelines.pod_parts import Volume
from zoo.config import ConfigError

CONFIG = """
data: {log: /mnt/shop/log}
model: {name: din}
pipeline: {name: Shop-DIN nightly, root: /mnt/shop/runs/din, image: registry/cascade-zoo:1}
cluster:
  namespace: ranking
  environment: {TZ: UTC}
  secrets: {TOKEN: store/token}
  image_pull_policy: Always
  steps: {Transform: {cpu: 2, memory_gb: 8, tolerations: [{key: batch, operator: Exists}]}}
"""
SIZE, VOLUME, BEAM = Size(3, 2, "2g"), Volume("shop", "/mnt/shop"), "2.62.0"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return load_run_config(path)


@pytest.fixture
def objects(config) -> dict[str, dict]:
    return {one["kind"]: plain(one) for one in flink_cluster(config, SIZE, VOLUME, BEAM)}


def test_each_task_manager_has_workers_of_its_own_that_read_its_files(objects):
    session = objects["FlinkDeployment"]["spec"]
    assert session["taskManager"]["replicas"] == 3 and session["mode"] == "standalone"
    assert session["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "2"
    pod = session["taskManager"]["podTemplate"]["spec"]
    main, workers = pod["containers"]
    assert main["name"] == "flink-main-container" and main["volumeMounts"] == workers["volumeMounts"] == [
        {"name": "shared", "mountPath": "/mnt/shop"}]
    assert pod["volumes"] == [{"name": "shared", "persistentVolumeClaim": {"claimName": "shop"}}]
    assert workers["image"] == "registry/cascade-zoo:1" and workers["imagePullPolicy"] == "Always"
    assert workers["env"] == [{"name": "TZ", "value": "UTC"},
                              {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}}]
    assert workers["resources"]["limits"] == {"cpu": "2", "memory": "8G"}
    assert pod["tolerations"] == [{"key": "batch", "operator": "Exists"}]
    assert {one["metadata"]["namespace"] for one in objects.values()} == {"ranking"}


def test_a_run_is_told_the_ports_and_names_that_the_objects_have(config, objects):
    said = dict(word.removeprefix("--").split("=", 1) for word in beam_settings(config, SIZE)["arguments"])
    service, server = objects["Service"], objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    name, ports = service["metadata"]["name"], {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert (said["job_endpoint"], said["artifact_endpoint"]) == (f"{name}:{ports['jobs']}", f"{name}:{ports['artifacts']}")
    assert (said["parallelism"], said["sdk_worker_parallelism"]) == ("6", "2")
    workers = objects["FlinkDeployment"]["spec"]["taskManager"]["podTemplate"]["spec"]["containers"][1]
    assert said["environment_config"] == f"localhost:{workers['ports'][0]['containerPort']}"
    assert workers["command"][-1] == f"--service_port={workers['ports'][0]['containerPort']}"
    asked = dict(word.removeprefix("--").split("=", 1) for word in server["args"])
    assert asked["flink-master"] == f"{objects['FlinkDeployment']['metadata']['name']}-rest:8081"
    assert asked["artifacts-dir"].startswith("/mnt/shop/") and server["image"].endswith(":2.62.0")
    assert service["spec"]["selector"] == objects["Deployment"]["spec"]["template"]["metadata"]["labels"]


def test_what_is_kubernetes_own_fits_its_schemas(objects):
    for kind in ("Deployment", "Service"):
        kubernetes_validate.validate(objects[kind], "1.33", strict=True)
    pod = objects["FlinkDeployment"]["spec"]["taskManager"]["podTemplate"]
    # The operator puts the image of Flink into its container.
    main, *others = pod["spec"]["containers"]
    whole = {**pod, "metadata": {"name": "x"}, "spec": {**pod["spec"], "containers": [{**main, "image": "flink"}, *others]}}
    kubernetes_validate.validate(whole, "1.33", strict=True)


def test_a_log_that_workers_do_not_reach_is_refused(config):
    with pytest.raises(ConfigError, match=r"^pipeline.root: /mnt/shop/runs/din is not reached .*\(shop at /mnt/x\)"):
        flink_cluster(config, SIZE, Volume("shop", "/mnt/x"), BEAM)


def test_the_command_writes_a_file_and_says_what_a_run_needs(tmp_path, config):
    path, out = tmp_path / "run.yaml", tmp_path / "flink.yaml"
    words = ["flink-cluster", str(path), "--out", str(out)]
    done = CliRunner().invoke(zoo, [*words, "--volume", "shop:/mnt/shop", "--managers", "3"])
    assert done.exit_code == 0, done.output
    assert [one["kind"] for one in yaml.safe_load_all(out.read_text())] == ["FlinkDeployment", "Deployment", "Service"]
    # What is printed is a part of a configuration, as it stands.
    more = tmp_path / "more.yaml"
    more.write_text(CONFIG + done.output[done.output.index("beam:"):])
    assert list(load_run_config(more).beam.arguments) == beam_settings(config, SIZE)["arguments"]
    done = CliRunner().invoke(zoo, [*words, "--volume", "shop"])
    assert done.exit_code and "expected CLAIM:/PATH" in str(done.output) + str(done.exception)
