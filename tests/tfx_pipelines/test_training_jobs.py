"""The Kubernetes objects of a run whose training is divided between pods."""

from __future__ import annotations

import json

import pytest
import yaml

from serving.fleet.commented import plain
from tfx_pipelines.config import load_run_config
from tfx_pipelines.pod_parts import Volume
from tfx_pipelines.training_jobs import CONFIG as MOUNTED
from tfx_pipelines.training_jobs import training_job
from zoo.config import ConfigError
from zoo.training.machines.config import MachinesConfig

CONFIG = """
data: {log: /mnt/shop/log}
model: {name: din}
training: {epochs: 2, machines: {workers: 3, servers: 2}}
pipeline: {name: Shop-DIN nightly, root: /mnt/shop/runs/din, image: registry/cascade-zoo:1}
cluster:
  namespace: ranking
  environment: {TZ: UTC}
  secrets: {TOKEN: store/token}
  service_account: trainer
  steps: {Trainer: {cpu: 4, memory_gb: 16, gpu: 1}}
"""
VOLUME = Volume("shop", "/mnt/shop")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return load_run_config(path)


def templates(kind: str, objects: list[dict]) -> dict[str, tuple[int, dict]]:
    """How many pods there are of each job, and their template."""
    spec = objects[1]["spec"]
    if kind == "tfjob":
        names = {"Chief": "chief", "Worker": "worker", "PS": "ps"}
        return {names[name]: (one["replicas"], one["template"]) for name, one in spec["tfReplicaSpecs"].items()}
    jobs = spec["template"]["spec"]["replicatedJobs"] if kind == "trainjob" else spec["replicatedJobs"]
    return {job["name"]: (job["template"]["spec"]["completions"], job["template"]["spec"]["template"]) for job in jobs}


@pytest.mark.parametrize("kind", ["tfjob", "jobset", "trainjob"])
def test_one_pod_runs_the_pipeline_and_leads_the_others(kind, config, tmp_path):
    objects = [plain(one) for one in training_job(config, kind, VOLUME)]
    assert {one["metadata"]["name"] for one in objects} == {"shop-din-nightly"}
    assert {one["metadata"]["namespace"] for one in objects} == {"ranking"}
    pods = templates(kind, objects)
    assert {job: count for job, (count, _) in pods.items()} == {"chief": 1, "worker": 3, "ps": 2}
    for job, (_, template) in pods.items():
        container = template["spec"]["containers"][0]
        assert container["image"] == "registry/cascade-zoo:1" and template["spec"]["serviceAccountName"] == "trainer"
        assert container["command"] == (["zoo", "run", f"{MOUNTED}/run.yaml"] if job == "chief" else
                                        ["python", "-m", "zoo.training.machines.server"])
        limits = {"cpu": "4", "memory": "16G"} | ({} if job == "ps" else {"nvidia.com/gpu": 1})
        assert container["resources"]["limits"] == limits
        assert {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}} in container["env"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {MOUNTED, "/mnt/shop"}
    # What the chief runs is this run, whose machines are those of TF_CONFIG.
    path = tmp_path / "mounted.yaml"
    path.write_text(objects[0]["data"]["run.yaml"], encoding="utf-8")
    again = load_run_config(path)
    assert again.training.machines.cluster == "tf_config"
    local = again.training.machines.model_copy(update={"cluster": "local"})
    assert again.model_copy(update={"training": again.training.model_copy(update={"machines": local})}) == config


def test_the_pods_of_a_job_set_find_each_other_by_name(config):
    objects = [plain(one) for one in training_job(config, "jobset", VOLUME)]
    assert objects[1]["spec"]["network"]["subdomain"] == "shop-din-nightly"
    for job, (count, template) in templates("jobset", objects).items():
        said = next(one["value"] for one in template["spec"]["containers"][0]["env"] if one["name"] == "TF_CONFIG")
        found = json.loads(said.replace("$(INDEX)", "7"))
        assert found["task"] == {"type": job, "index": 7}
        assert found["cluster"][job] == [f"shop-din-nightly-{job}-0-{place}.shop-din-nightly:2222" for place in range(count)]


@pytest.mark.parametrize("kind", ["tfjob", "jobset", "trainjob"])
def test_pods_of_a_synchronous_training_meet_in_a_folder(kind, config):
    machines = MachinesConfig(kind="synchronous", workers=4)
    together = config.model_copy(update={"training": config.training.model_copy(update={"machines": machines})})
    objects = [plain(one) for one in training_job(together, kind, VOLUME)]
    pods = templates(kind, objects)
    assert {job: count for job, (count, _) in pods.items()} == {"chief": 1, "worker": 3}
    assert pods["worker"][1]["spec"]["containers"][0]["command"] == [
        "python", "-m", "zoo.training.machines.meeting", "/mnt/shop/runs/din/meeting"]
    said = yaml.safe_load(objects[0]["data"]["run.yaml"])["training"]["machines"]
    assert said == {"kind": "synchronous", "workers": 4, "cluster": "tf_config", "meeting": "/mnt/shop/runs/din/meeting"}


@pytest.mark.parametrize(("settings", "volume", "message"), [
    ({"training": {}}, VOLUME, r"training\.machines.*--set training\.machines\.workers=4"),
    ({}, None, r"pipeline\.root: /mnt/shop/runs/din is not reached by all pods"),
    ({}, Volume("shop", "/mnt/sho"), "is not reached by all pods"),
    ({"pipeline": {"root": "gs://shop/run"}}, None, r"data\.log: /mnt/shop/log is not reached"),
])
def test_what_pods_can_t_reach_is_told(config, settings, volume, message):
    changed = type(config).model_validate({**config.model_dump(exclude_unset=True), **settings})
    with pytest.raises(ConfigError, match=message):
        training_job(changed, "tfjob", volume)


def test_the_command(command, tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG, encoding="utf-8")
    said, code = command("training-job", tmp_path / "run.yaml", "--kind", "trainjob", "--volume", "shop:/mnt/shop",
                         "--out", tmp_path / "job.yaml")
    assert code == 0 and "Wrote" in said and "TrainingRuntime, TrainJob shop-din-nightly" in " ".join(said.split())
    written = (tmp_path / "job.yaml").read_text(encoding="utf-8")
    assert [one["kind"] for one in yaml.safe_load_all(written)] == ["ConfigMap", "TrainingRuntime", "TrainJob"]
    assert "# Done when the chief is." in written
    said, code = command("training-job", tmp_path / "run.yaml", "--volume", "shop", "--out", tmp_path / "job.yaml")
    assert code != 0 and "expected CLAIM:/PATH" in said
