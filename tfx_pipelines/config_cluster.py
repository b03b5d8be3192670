"""How the pipeline runs where its steps are containers: on Kubeflow Pipelines and on Vertex AI."""

from __future__ import annotations

import re

import pydantic

from zoo.config import Config

# What Argo and Kubernetes take for a name of a variable.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StepConfig(Config):
    """What one step gets.

    Args:
        image: in place of `pipeline.image`, such as the variant with CUDA for the Trainer.
        cpu: cores, requested and allowed; null leaves it to the cluster.
        memory_gb: gigabytes (10^9 bytes), requested and allowed; null leaves it to the cluster.
        gpu: how many.
        gpu_type: resource on Kubernetes; on Vertex AI the accelerator's name, such as NVIDIA_TESLA_T4.
        node_selector: labels of the nodes that it may run on. Kubeflow alone.
        tolerations: taints that it tolerates, each a mapping as Kubernetes has it (`key`, `operator`, `value`, `effect`).
            Kubeflow alone.
    """

    image: str | None = None
    cpu: float | None = pydantic.Field(default=None, gt=0)
    memory_gb: float | None = pydantic.Field(default=None, gt=0)
    gpu: int = pydantic.Field(default=0, ge=0)
    gpu_type: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, str], ...] = ()


class ClusterConfig(Config):
    """Where and how compiled pipelines run.

    Args:
        endpoint: URL of the API of Kubeflow Pipelines, for `zoo submit`.
        namespace: of the runs; null for the client's.
        experiment: that runs belong to.
        service_account: that steps run as; null for the platform's.
        schedule: cron expression with six fields (seconds first), as Kubeflow has it; with one, `zoo submit` makes a recurring
            run. A run that would start while the one before works is left out.
        retries: how often a step that failed is tried again.
        retry_seconds: wait before the first of them; each further one waits twice as long.
        environment: variables of every step.
        secrets: variables of every step from Kubernetes secrets: `AWS_SECRET_ACCESS_KEY: s3/secret` is the key `secret` of the
            secret `s3`. Kubeflow alone.
        image_pull_policy: Always, IfNotPresent or Never; null leaves it to the cluster. Kubeflow alone.
        step: what every step gets.
        steps: what single ones get, by stage, over `step`: `Trainer: {gpu: 1, memory_gb: 32}`.
    """

    endpoint: str | None = None
    namespace: str | None = None
    experiment: str = "Default"
    service_account: str | None = None
    schedule: str | None = None
    retries: int = pydantic.Field(default=0, ge=0)
    retry_seconds: int = pydantic.Field(default=60, ge=1)
    environment: dict[str, str] = {}
    secrets: dict[str, str] = {}
    image_pull_policy: str | None = pydantic.Field(default=None, pattern="^(Always|IfNotPresent|Never)$")
    step: StepConfig = StepConfig()
    steps: dict[str, StepConfig] = {}

    @pydantic.field_validator("schedule")
    @classmethod
    def _six_fields(cls, value: str | None) -> str | None:
        if value is not None and len(value.split()) != 6:
            raise ValueError("a cron expression with six fields, seconds first, such as `0 30 4 * * *` for half past four")
        return value

    @pydantic.field_validator("environment", "secrets")
    @classmethod
    def _variables(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an environment variable")
        return value

    @pydantic.field_validator("secrets")
    @classmethod
    def _keys(cls, value: dict[str, str]) -> dict[str, str]:
        for name, place in value.items():
            if place.count("/") != 1 or not all(place.split("/")):
                raise ValueError(f"{name}: expected SECRET/KEY, such as s3/secret, got {place!r}")
        return value

    def of_step(self, name: str) -> StepConfig:
        """What a step gets: `step`, and over it what `steps` says of it."""
        own = self.steps.get(name)
        return self.step if own is None else self.step.model_copy(
            update={key: getattr(own, key) for key in own.model_fields_set})
