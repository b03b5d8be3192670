"""A run whose training is divided between the pods of a Kubernetes cluster, as objects for its training operators.

One pod, the chief, runs the pipeline; its Trainer leads workers and parameter servers, which find each other by TF_CONFIG. The
TFJob's operator sets that variable; in a JobSet, with or without a TrainJob, it stands in the objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import yaml

from serving.fleet.commented import Why
from tfx_pipelines.config import RunConfig
from tfx_pipelines.places import tensorflow_reads
from tfx_pipelines.pod_parts import Volume, amounts, environment, metadata
from tfx_pipelines.runners.kubeflow import legal_name
from zoo.config import ConfigError
from zoo.training.machines.cluster import CHIEF, SERVER, WORKER
from zoo.training.machines.config import MachinesConfig

Kind = Literal["tfjob", "jobset", "trainjob"]
PORT = 2222
_LONGEST = 45  # of a name: with a machine's behind it, it is a label of DNS
CONFIG = "/etc/cascade-zoo"
_FILE = "run.yaml"
_REPLICAS = {CHIEF: "Chief", WORKER: "Worker", SERVER: "PS"}
# A worker that dies comes back, however often; a lost server ends the training, whose next try goes on from its checkpoint.
_TRIES = {CHIEF: 3, WORKER: 1000, SERVER: 3}
_AGAIN = Why("OnFailure", "In its place and under its name, where the others look for it.")


def training_job(config: RunConfig, kind: Kind, volume: Volume | None = None) -> list[dict[str, Any]]:
    """The Kubernetes objects of a run.

    Args:
        config: of the run, with `training.machines`.
        kind: of the training operator of the cluster.
        volume: shared by all pods; None where log and root lie in a store that TensorFlow reads.

    Raises:
        ConfigError: the training is not divided, or not all pods reach its files.
    """
    machines = config.training.machines
    if machines is None:
        raise ConfigError("a training is divided between as many pods as `training.machines` says: "
                          "--set training.machines.workers=4 --set training.machines.servers=2")
    for setting, place in (("pipeline.root", config.root), ("data.log", config.log)):
        inside = volume is not None and volume.holds(place)
        if not inside and not ("://" in place and tensorflow_reads(place)):
            raise ConfigError(f"{setting}: {place} is not reached by all pods; name a store that TensorFlow reads (gs://…, "
                              "hdfs://…), or a folder on a volume that all of them mount (--volume CLAIM:/PATH)")
    name = legal_name(config.name)[:_LONGEST].rstrip("-")
    machines = machines.model_copy(update={"cluster": "tf_config", "meeting": _meeting(config, machines)})
    run = config.model_copy(update={"training": config.training.model_copy(update={"machines": machines})})
    text = yaml.safe_dump(run.model_dump(mode="json", exclude_unset=True), sort_keys=False)
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(config, name), "data": {_FILE: text}}
    return [settings, *_KINDS[kind](config, machines, name, volume)]


def _meeting(config: RunConfig, machines: MachinesConfig) -> str | None:
    """Where the pods of a synchronous training find what to train."""
    return f"{config.root}/meeting" if machines.kind == "synchronous" else None


def _counts(machines: MachinesConfig) -> dict[str, int]:
    """Pods of each kind. In a synchronous training the chief takes steps like a worker, and there are no servers."""
    if machines.kind == "synchronous":
        return {job: count for job, count in ((CHIEF, 1), (WORKER, machines.workers - 1)) if count}
    return {CHIEF: 1, WORKER: machines.workers, SERVER: machines.servers}


def _tf_job(config: RunConfig, machines: MachinesConfig, name: str, volume: Volume | None) -> list[dict[str, Any]]:
    """`kubeflow.org/v1`, of training-operator 1.9: it names its container and port, and sets TF_CONFIG."""
    def replicas(count: int, job: str) -> dict[str, Any]:
        return {"replicas": count, "restartPolicy": _AGAIN, "template": _pod(config, name, job, volume)}

    spec = {
        "runPolicy": {"backoffLimit": _TRIES[CHIEF], "cleanPodPolicy": "Running"},
        "successPolicy": Why("", "The job is done when the chief is."),
        "tfReplicaSpecs": {_REPLICAS[job]: replicas(count, job) for job, count in _counts(machines).items()},
    }
    return [{"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "metadata": metadata(config, name), "spec": spec}]


def _job_set(config: RunConfig, machines: MachinesConfig, name: str, volume: Volume | None) -> list[dict[str, Any]]:
    """`jobset.x-k8s.io/v1alpha2`: an indexed Job for each kind of machine, pods by the names of a headless service."""
    return [{"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": metadata(config, name),
             "spec": _job_set_spec(config, machines, name, volume)}]


def _train_job(config: RunConfig, machines: MachinesConfig, name: str, volume: Volume | None) -> list[dict[str, Any]]:
    """`trainer.kubeflow.org/v1alpha1`: a runtime of our own, since none of Kubeflow's is of TensorFlow, and its TrainJob.

    The operator makes a JobSet of the TrainJob's name, by which the pods are named.
    """
    api = "trainer.kubeflow.org"
    spec = _job_set_spec(config, machines, name, volume)
    # Where there is a step of this name, the operator takes it for what the TrainJob speaks of.
    for job in spec["replicatedJobs"]:
        if job["name"] == CHIEF:
            job["template"]["metadata"] = {"labels": {f"{api}/trainjob-ancestor-step": "trainer"}}
    runtime = {"apiVersion": f"{api}/v1alpha1", "kind": "TrainingRuntime", "metadata": metadata(config, name),
               "spec": {"mlPolicy": {"numNodes": 1}, "template": {"spec": spec}}}
    train = {"apiVersion": f"{api}/v1alpha1", "kind": "TrainJob", "metadata": metadata(config, name),
             "spec": {"runtimeRef": {"apiGroup": api, "kind": "TrainingRuntime", "name": name}}}
    return [runtime, train]


def _job_set_spec(config: RunConfig, machines: MachinesConfig, name: str, volume: Volume | None) -> dict[str, Any]:
    counts = _counts(machines)
    cluster = {job: [f"{name}-{job}-0-{place}.{name}:{PORT}" for place in range(count)] for job, count in counts.items()}

    def replicated(job: str, count: int) -> dict[str, Any]:
        pod = _pod(config, name, job, volume, cluster)
        pod["spec"]["restartPolicy"] = _AGAIN
        return {"name": job, "replicas": 1, "template": {"spec": {
            "completionMode": Why("Indexed", "Each pod has a number, and by it a name and a task."),
            "parallelism": count, "completions": count, "backoffLimit": _TRIES[job],
            "template": pod}}}

    return {"network": {"enableDNSHostnames": True, "subdomain": name},
            "successPolicy": Why({"operator": "All", "targetReplicatedJobs": [CHIEF]}, "Done when the chief is."),
            "replicatedJobs": [replicated(job, count) for job, count in counts.items()]}


def _pod(config: RunConfig, name: str, job: str, volume: Volume | None,
         cluster: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """The template of a machine's pod."""
    step = config.cluster.of_step("Trainer")
    variables, asked = environment(config.cluster), amounts(step)
    if cluster is not None:
        index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
        said = json.dumps({"cluster": cluster, "task": {"type": job, "index": 0}}).replace('"index": 0', '"index": $(INDEX)')
        variables += [{"name": "INDEX", "valueFrom": {"fieldRef": {"fieldPath": index}}},
                      {"name": "TF_CONFIG", "value": said}]
    # Parameter servers only add and look up.
    devices = {step.gpu_type: step.gpu} if step.gpu and job != SERVER else {}
    container: dict[str, Any] = {
        "name": "tensorflow", "image": step.image or config.pipeline.image,
        "command": ["zoo", "run", f"{CONFIG}/{_FILE}"] if job == CHIEF else _waits(config),
        "ports": [{"name": Why("tfjob-port", "The operator looks for this name."), "containerPort": PORT}],
        "env": variables,
        "resources": {"requests": asked, "limits": {**asked, **devices}},
        "volumeMounts": [{"name": "config", "mountPath": CONFIG, "readOnly": True}]}
    volumes: list[dict[str, Any]] = [{"name": "config", "configMap": {"name": name}}]
    if config.cluster.image_pull_policy:
        container["imagePullPolicy"] = config.cluster.image_pull_policy
    if volume is not None:
        container["volumeMounts"].append(volume.mount())
        volumes.append(volume.source())
    spec: dict[str, Any] = {"containers": [container], "volumes": volumes}
    for key, value in (("serviceAccountName", config.cluster.service_account), ("nodeSelector", step.node_selector),
                       ("tolerations", list(step.tolerations))):
        if value:
            spec[key] = value
    return {"metadata": {"labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/component": job}}, "spec": spec}


def _waits(config: RunConfig) -> list[str]:
    """The command of a pod that does what the chief's training tells it."""
    assert config.training.machines is not None
    meeting = _meeting(config, config.training.machines)
    module = "zoo.training.machines.meeting" if meeting else "zoo.training.machines.server"
    return ["python", "-m", module, *([meeting] if meeting else [])]


_KINDS: dict[Kind, Callable[[RunConfig, MachinesConfig, str, Volume | None], list[dict[str, Any]]]] = {
    "tfjob": _tf_job, "jobset": _job_set, "trainjob": _train_job}
