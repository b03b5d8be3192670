"""What the containers of a compiled pipeline run, and what they get of the cluster."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from tfx_pipelines.config import RunConfig
from tfx_pipelines.config_cluster import ClusterConfig
from zoo.config import ConfigError, nearest

COMMAND = ["python", "-m", "tfx_pipelines.container"]
# What the platform replaces by the executor input.
EXECUTOR_INPUT = "{{$}}"
_TFX_EXECUTOR = "--executor_class_path"


def step_container(container: dict[str, Any], component: Mapping[str, Any], config: RunConfig, name: str, target: str) -> None:
    """Turns the container that TFX has compiled, which runs TFX's own entry point, into one that runs ours.

    Args:
        container: of the step, which is changed.
        component: compiled, whose types the step is told.
        config: of the run.
        name: of the step.
        target: `kubeflow` or `vertex`.
    """
    given = container["args"]
    definitions = {key: component[key] for key in ("inputDefinitions", "outputDefinitions") if key in component}
    step, cluster, beam = config.cluster.of_step(name), config.cluster, config.beam
    container["command"] = [*COMMAND]
    container["args"] = ["--executor", given[given.index(_TFX_EXECUTOR) + 1],
                         "--component", json.dumps(definitions, sort_keys=True),
                         "--executor-input", EXECUTOR_INPUT,
                         *(["--local"] if target == "kubeflow" else []),
                         *(["--temporary", beam.temporary] if beam.temporary and beam.runner != "DirectRunner" else []),
                         "--", *config.beam_arguments]
    # An ExampleGen's driver as a container of its own; our entry point does its work.
    container.pop("lifecycle", None)
    container["image"] = step.image or container["image"]
    if cluster.environment:
        container["env"] = [{"name": key, "value": value} for key, value in sorted(cluster.environment.items())]
    resources: dict[str, Any] = {}
    if step.cpu is not None:
        resources |= {"cpuLimit": step.cpu, "cpuRequest": step.cpu} if target == "kubeflow" else {"cpuLimit": step.cpu}
    if step.memory_gb is not None:
        memory = step.memory_gb
        resources |= {"memoryLimit": memory, "memoryRequest": memory} if target == "kubeflow" else {"memoryLimit": memory}
    if step.gpu:
        resources["accelerator"] = {"type": step.gpu_type, "count": str(step.gpu)}
    if resources:
        container["resources"] = resources


def platform_spec(cluster: ClusterConfig, labels: Mapping[str, str]) -> dict[str, Any] | None:
    """What Kubernetes alone knows of steps, as Kubeflow takes it beside the pipeline; None where nothing is asked for.

    Args:
        cluster: of the configuration.
        labels: by step, of its executor.
    """
    executors = {label: _kubernetes(cluster, name) for name, label in sorted(labels.items())}
    executors = {label: settings for label, settings in executors.items() if settings}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else None


def _kubernetes(cluster: ClusterConfig, name: str) -> dict[str, Any]:
    step = cluster.of_step(name)
    settings: dict[str, Any] = {}
    if cluster.secrets:
        settings["secretAsEnv"] = [
            {"secretName": place.split("/")[0], "keyToEnv": [{"envVar": variable, "secretKey": place.split("/")[1]}]}
            for variable, place in sorted(cluster.secrets.items())]
    if cluster.image_pull_policy:
        settings["imagePullPolicy"] = cluster.image_pull_policy
    if step.node_selector:
        settings["nodeSelector"] = {"labels": step.node_selector}
    if step.tolerations:
        settings["tolerations"] = [dict(one) for one in step.tolerations]
    return settings


def check_steps(cluster: ClusterConfig, names: Collection[str], target: str) -> None:
    """That the steps which the configuration speaks of are there, and that the platform has what it asks for.

    Raises:
        ConfigError: naming what is wrong.
    """
    for name in cluster.steps:
        if name not in names:
            raise ConfigError(f"cluster.steps.{name}: the pipeline has no such step{nearest(name, names)}")
    asked = platform_spec(cluster, {name: name for name in names})
    if target == "vertex" and asked:
        settings = next(iter(asked["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()))
        raise ConfigError(f"cluster: {', '.join(sorted(settings))} {'are' if len(settings) > 1 else 'is'} for Kubeflow; Vertex "
                          "AI runs containers without Kubernetes. Leave it out, or give the steps a service account")
