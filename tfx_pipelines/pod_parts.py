"""What pods of a run have in common, whatever object they stand in: names, variables, amounts, and the volume they share."""

from __future__ import annotations

from typing import Any, NamedTuple

from tfx_pipelines.config import RunConfig
from tfx_pipelines.config_cluster import ClusterConfig, StepConfig
from zoo.config import ConfigError


class Volume(NamedTuple):
    """A claim that all pods mount: log, artifacts and checkpoints lie there."""

    claim: str
    path: str

    @classmethod
    def parsed(cls, text: str) -> Volume:
        """From `CLAIM:/PATH`, as on a command line.

        Raises:
            ConfigError: it is none.
        """
        claim, _, path = text.partition(":")
        if not claim or not path.startswith("/"):
            raise ConfigError(f"--volume {text}: expected CLAIM:/PATH, such as models:/mnt/models")
        return cls(claim, path)

    def holds(self, place: str) -> bool:
        """Whether a path lies on it."""
        return place.startswith(self.path.rstrip("/") + "/")

    def mount(self) -> dict[str, str]:
        """Of a container."""
        return {"name": "shared", "mountPath": self.path}

    def source(self) -> dict[str, Any]:
        """Of a pod."""
        return {"name": "shared", "persistentVolumeClaim": {"claimName": self.claim}}


def metadata(config: RunConfig, name: str) -> dict[str, Any]:
    """Name, label and namespace of an object."""
    found: dict[str, Any] = {"name": name, "labels": {"app.kubernetes.io/name": name}}
    return found | ({"namespace": config.cluster.namespace} if config.cluster.namespace else {})


def environment(cluster: ClusterConfig) -> list[dict[str, Any]]:
    """A container's variables, those from secrets last."""
    found: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in cluster.environment.items()]
    for key, place in cluster.secrets.items():
        secret, _, field = place.partition("/")
        found.append({"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": field}}})
    return found


def amounts(step: StepConfig) -> dict[str, str]:
    """Cores and memory of a container, where the configuration says how much."""
    cpu = {"cpu": f"{step.cpu:g}"} if step.cpu else {}
    return cpu | ({"memory": f"{step.memory_gb:g}G"} if step.memory_gb else {})
