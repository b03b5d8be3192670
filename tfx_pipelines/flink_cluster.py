"""An Apache Flink for a run's Beam stages, as objects for Flink's operator: a session cluster with workers of this package.

Each TaskManager's pod has a pool of Python workers beside it, which reads its files by the same volume. One pool serves one
TaskManager: two of them would ask it for workers of the same names, and the first to stop would end the other's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from serving.fleet.commented import Why
from tfx_pipelines.config import RunConfig
from tfx_pipelines.pod_parts import Volume, amounts, environment, metadata
from tfx_pipelines.runners.kubeflow import legal_name
from zoo.config import ConfigError

FLINK = "1.19"
POOL, REST, JOBS, ARTIFACTS, EXPANSION = 50_000, 8081, 8099, 8098, 8097
_MAIN = "flink-main-container"
_LONGEST = 40  # of a name: what the operator and we put behind it makes labels of DNS
_GROUP = {"fsGroup": Why(10001, "The group of this package's image: all that is mounted, all of them may write.")}
# Stages that use Beam are alike; what a worker gets is what this one asks for.
_STAGE = "Transform"


class Size(NamedTuple):
    """TaskManagers, slots of each, and the memory of each one's Java, such as `2g`."""

    managers: int
    slots: int
    memory: str


def flink_cluster(config: RunConfig, size: Size, volume: Volume, beam: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of a session cluster, and of the job server by which Beam reaches it.

    Args:
        config: of the run; its `cluster` says image, namespace, variables and what a worker gets.
        size: of the cluster.
        volume: that all pods mount, and on which log and root of the run lie.
        beam: version of Beam, which job server and workers must have in common.

    Raises:
        ConfigError: log or root lie where the workers do not reach them.
    """
    for setting, place in (("pipeline.root", config.root), ("data.log", config.log)):
        if place and "://" not in place and not volume.holds(place):
            raise ConfigError(f"{setting}: {place} is not reached by Flink's workers; name a folder on the volume that all of "
                              f"them mount ({volume.claim} at {volume.path}), or a store")
    name = _name(config)
    return [_session(config, size, volume, name), *_job_server(config, volume, name, beam)]


def beam_settings(config: RunConfig, size: Size) -> dict[str, Any]:
    """The section `beam` by which a run of this configuration uses that cluster, from inside of Kubernetes.

    Args:
        config: of the run.
        size: of the cluster.
    """
    name = _name(config)
    return {"runner": "PortableRunner", "arguments": [
        f"--job_endpoint={name}-jobs:{JOBS}", f"--artifact_endpoint={name}-jobs:{ARTIFACTS}", "--environment_type=EXTERNAL",
        f"--environment_config=localhost:{POOL}", f"--parallelism={size.managers * size.slots}",
        f"--sdk_worker_parallelism={size.slots}"]}


def _name(config: RunConfig) -> str:
    return legal_name(f"{config.name}-flink")[:_LONGEST].rstrip("-")


def _session(config: RunConfig, size: Size, volume: Volume, name: str) -> dict[str, Any]:
    """`flink.apache.org/v1beta1`: without a `job`, a cluster that waits for jobs."""
    step = config.cluster.of_step(_STAGE)
    workers: dict[str, Any] = {
        "name": "beam-workers", "image": step.image or config.pipeline.image,
        "command": ["python", "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={POOL}"],
        "ports": [{"name": "beam-workers", "containerPort": POOL}],
        "env": environment(config.cluster), "resources": {"requests": amounts(step), "limits": amounts(step)},
        "readinessProbe": {"tcpSocket": {"port": POOL}},
        "volumeMounts": [volume.mount()]}
    if config.cluster.image_pull_policy:
        workers["imagePullPolicy"] = config.cluster.image_pull_policy
    pod: dict[str, Any] = {"securityContext": _GROUP, "containers": [{"name": Why(_MAIN, "The operator looks for this name."),
                                           "volumeMounts": [volume.mount()]}, workers], "volumes": [volume.source()]}
    for key, value in (("nodeSelector", step.node_selector), ("tolerations", list(step.tolerations))):
        if value:
            pod[key] = value
    spec = {
        "image": f"flink:{FLINK}", "flinkVersion": f"v{FLINK.replace('.', '_')}",
        "mode": Why("standalone", "As many TaskManagers as stand here, also before the first job."),
        "serviceAccount": config.cluster.service_account or "flink",
        "flinkConfiguration": {
            "taskmanager.numberOfTaskSlots": f"{size.slots}",
            "taskmanager.memory.network.max": Why("256m", "A pipeline's shuffles are many and small."),
            "taskmanager.network.sort-shuffle.min-buffers": Why("32", "Of each shuffle that is under way; 512 by default."),
            "restart-strategy.type": Why("fixed-delay", "A lost TaskManager's work is done again by others."),
            "restart-strategy.fixed-delay.attempts": "10", "restart-strategy.fixed-delay.delay": "10 s"},
        "jobManager": {"replicas": 1, "resource": {"memory": "1g", "cpu": 1}},
        "taskManager": {"replicas": size.managers, "resource": {"memory": size.memory, "cpu": 1},
                        "podTemplate": {"apiVersion": "v1", "kind": "Pod", "spec": pod}}}
    return {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": metadata(config, name),
            "spec": spec}


def _job_server(config: RunConfig, volume: Volume, name: str, beam: str) -> list[dict[str, Any]]:
    """Turns Beam's pipelines into Flink's jobs; one, since it knows the jobs that it sent."""
    own, labels = f"{name}-jobs", {"app.kubernetes.io/name": f"{name}-jobs"}
    ports = {"jobs": JOBS, "artifacts": ARTIFACTS, "expansion": EXPANSION}
    container = {
        "name": "job-server", "image": Why(f"apache/beam_flink{FLINK}_job_server:{beam}", "Of the workers' version of Beam."),
        "env": [{"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "args": [f"--flink-master={name}-rest:{REST}", f"--job-port={JOBS}", f"--artifact-port={ARTIFACTS}",
                 f"--expansion-port={EXPANSION}",
                 Why("--job-host=$(ADDRESS)", "It listens there, and tells callers that its files are there."),
                 Why(f"--artifacts-dir={volume.path.rstrip('/')}/.beam-artifacts", "TaskManagers read there what it writes.")],
        "ports": [{"name": port, "containerPort": number} for port, number in ports.items()],
        "readinessProbe": {"tcpSocket": {"port": JOBS}},
        "resources": {"requests": {"cpu": "500m", "memory": "1G"}, "limits": {"memory": "1G"}},
        "volumeMounts": [volume.mount()]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(config, own), "spec": {
        "replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"securityContext": _GROUP, "containers": [container],
                                                               "volumes": [volume.source()]}}}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata(config, own), "spec": {
        "selector": labels, "ports": [{"name": port, "port": number} for port, number in ports.items()]}}
    return [deployment, service]
