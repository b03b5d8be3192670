"""What `zoo training-job` writes: Kubernetes' training operators take it, and the processes that it names train a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.fleet.commented import plain
from tests.nightly.definitions import Definition, check, downloaded, validators
from tests.tfx_pipelines.test_training_jobs import CONFIG, VOLUME
from tests.toy import toy_bound, toy_requests, write_transformed
from tfx_pipelines.config import load_run_config
from tfx_pipelines.training_jobs import training_job
from zoo.training import TrainingConfig, train
from zoo.training.machines.cluster import Cluster

DEFINITIONS = {
    "TFJob": Definition("github.com/kubeflow/training-operator", "v1.9.0", "manifests/base/crds/kubeflow.org_tfjobs.yaml"),
    "JobSet": Definition("sigs.k8s.io/jobset", "v0.8.0", "config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml"),
    "TrainJob": Definition("github.com/kubeflow/trainer/v2", "v2.0.0",
                           "manifests/base/crds/trainer.kubeflow.org_trainjobs.yaml"),
    "TrainingRuntime": Definition("github.com/kubeflow/trainer/v2", "v2.0.0",
                                  "manifests/base/crds/trainer.kubeflow.org_trainingruntimes.yaml"),
}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("job") / "run.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return load_run_config(path)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_operators_take_the_objects(kind, config):
    known = validators(DEFINITIONS[kind], downloaded(DEFINITIONS.values()))
    written = [plain(one) for name in ("tfjob", "jobset", "trainjob") for one in training_job(config, name, VOLUME)]
    found = [one for one in written if one["kind"] == kind]
    assert found
    for entry in found:
        check(entry, known)


def test_the_pods_of_a_job_set_train_a_model(config, tmp_path, monkeypatch):
    """Their commands, with their own TF_CONFIG, in which names of pods are places on loopback."""
    machines = config.training.machines
    job_set = plain(training_job(config, "jobset", VOLUME)[-1])["spec"]["replicatedJobs"]
    here = Cluster.local(machines).addresses()
    places, said = {}, {}
    for job in job_set:
        container = job["template"]["spec"]["template"]["spec"]["containers"][0]
        text = next(one["value"] for one in container["env"] if one["name"] == "TF_CONFIG")
        for index in range(job["template"]["spec"]["completions"]):
            said[job["name"], index] = container["command"], text.replace("$(INDEX)", str(index))
    for name, addresses in json.loads(said["chief", 0][1])["cluster"].items():
        places |= dict(zip(addresses, here.get(name, ["127.0.0.1:0"]), strict=True))

    def local(text: str) -> str:
        for name, place in places.items():
            text = text.replace(name, place)
        return text

    schema = toy_bound()
    files = {split: [write_transformed(str(tmp_path / f"{split}.gz"), schema, toy_requests(400, seed=seed, schema=schema))]
             for seed, split in enumerate(("train", "validation"))}
    with (tmp_path / "log").open("wb") as log:
        processes = [subprocess.Popen([sys.executable, *command[1:]], env={**os.environ, "TF_CONFIG": local(text)}, stdout=log,
                                      stderr=log, cwd=Path(__file__).parents[2])
                     for (job, _), (command, text) in said.items() if job != "chief"]
        try:
            monkeypatch.setenv("TF_CONFIG", local(said["chief", 0][1]))
            settings = TrainingConfig(batch_size=32, epochs=1, machines=machines.model_copy(update={"cluster": "tf_config"}))
            result = train("din", schema, files["train"], files["validation"], config=settings)
            assert len(processes) == machines.workers + machines.servers and len(result.history) == 1
        finally:
            for process in processes:
                process.kill()
                process.wait()
