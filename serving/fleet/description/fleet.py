"""The whole description."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pydantic import field_validator, model_validator

from serving.fleet.description.fields import Name
from serving.fleet.description.gpu import MOST_OF_GPU, Gpu
from serving.fleet.description.image import Image
from serving.fleet.description.kserve import KServe, check_kserve
from serving.fleet.description.model import Model
from serving.fleet.description.monitoring import Monitoring
from serving.fleet.description.replicas import Replicas
from serving.fleet.description.server import Server
from serving.fleet.description.storage import Storage
from serving.fleet.description.tls import Tls
from serving.fleet.description.traffic import Traffic
from zoo import files
from zoo.config import Config, load_yaml, parse


class Fleet(Config):
    """The whole description.

    Args:
        name: of everything that is rendered.
        namespace: where it goes.
        models: by name; every server has all of them.
        storage: how they come to the servers.
        traffic: what the servers must bear.
        replicas: how few and how many servers.
        server: one of them.
        gpu: the nodes' GPUs; without it there are no overlays for GPUs.
        image: the server's.
        autoscaling: by the HorizontalPodAutoscaler, which needs prometheus-adapter for its metrics, or by KEDA.
        monitoring: where Prometheus runs.
        argo_rollouts: whether updates go step by step, judged by the metrics of the new pods.
        kserve: the second form of the fleet, too.
        tls: callers reach the servers by TLS; None: in the clear.
    """

    name: Name
    namespace: Name
    models: dict[str, Model]
    storage: Storage
    traffic: Traffic
    replicas: Replicas = Replicas()
    server: Server = Server()
    gpu: Gpu | None = None
    image: Image = Image()
    autoscaling: Literal["hpa", "keda"] = "hpa"
    monitoring: Monitoring = Monitoring()
    argo_rollouts: bool = False
    kserve: KServe | None = None
    tls: Tls | None = None

    @field_validator("models")
    @classmethod
    def _named(cls, models: dict[str, Model]) -> dict[str, Model]:
        if not models:
            raise ValueError("name at least one model")
        for name in models:
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})", name):
                raise ValueError(f"{name!r} can't be a folder and a part of a URL; letters, digits, '.', '_' and '-' can")
        return models

    @model_validator(mode="after")
    def _fits(self) -> Fleet:
        needed = self.traffic.peak_calls_per_second / self.traffic.calls_per_second_a_replica
        if needed > self.replicas.max:
            raise ValueError(
                f"traffic.peak_calls_per_second needs {math.ceil(needed)} servers, replicas.max allows "
                f"{self.replicas.max}; raise it, or measure a server that answers more"
            )
        memory = self.server.memory_gib
        if memory is not None and memory < self.needed_gib:
            raise ValueError(
                f"server.memory_gib {memory:g} is too little: the models need {self.needed_gib:g} GiB while a new "
                "version loads beside the old ones; raise it, or leave it out"
            )
        if self.gpu and self.models_gib > MOST_OF_GPU * self.gpu.memory_gib:
            raise ValueError(
                f"gpu.memory_gib {self.gpu.memory_gib:g} is too little: the models need {self.models_gib:g} GiB "
                "while a new version loads beside the old ones, and a tenth stays free; serve fewer models here"
            )
        untried = [name for name, model in self.models.items() if not model.tried_with_xla]
        if self.server.xla and untried:
            raise ValueError(
                f"server.xla: not tried with {', '.join(untried)}; try it and set tried_with_xla, as models can fail "
                "at their first compilation"
            )
        if self.storage.volume is None:
            local = [name for name, model in self.models.items() if not files.scheme(model.source)]
            if local:
                raise ValueError(
                    f"models.{local[0]}.source: {self.models[local[0]].source} is a path, but no volume holds it; "
                    "set storage.volume, or give a URI"
                )
        if self.storage.rollout:
            said = [name for name, model in self.models.items() if model.labels or model.versions.specific]
            if said:
                raise ValueError(
                    f"models.{said[0]}: its versions and labels are those of storage.rollout, {self.storage.rollout}; "
                    "leave versions.specific and labels out here"
                )
        for name, model in self.models.items():
            if not files.scheme(model.source) and not model.source.startswith("/source/"):
                raise ValueError(
                    f"models.{name}.source: {model.source} is not below /source, where the pods mount storage.volume"
                )
        if self.kserve and self.tls:
            raise ValueError("tls: KServe's own gateway ends TLS before its servers; leave tls or kserve out")
        if self.kserve:
            check_kserve(self.kserve, self.models)
        return self

    @property
    def models_gib(self) -> float:
        """Memory of all models while each loads one version beside its resident ones."""
        return sum(model.size_gib * (model.versions.resident + 1) for model in self.models.values())

    @property
    def needed_gib(self) -> float:
        """Memory of a server: its models, and one GiB for itself and its calls."""
        return self.models_gib + 1

    @property
    def memory_gib(self) -> float:
        """Memory that a server gets."""
        return self.server.memory_gib or self.needed_gib

    @property
    def disk_gib(self) -> float:
        """Disk for the versions that are loaded, those kept, and one that is being copied."""
        copies = sum(model.size_gib * (model.versions.resident + self.storage.keep + 1) for model in self.models.values())
        return self.storage.disk_gib or copies

    @property
    def server_name(self) -> str:
        """The name that the servers' certificate has."""
        return (self.tls.server_name if self.tls else None) or f"{self.name}.{self.namespace}"

    @property
    def batched(self) -> bool:
        """Whether any model is batched."""
        return any(model.batching for model in self.models.values())

    @property
    def drain_s(self) -> int:
        """How long a server that goes stays up: until every client had to connect anew, and has read the names anew.

        gRPC's resolver asks for names at most every 30 seconds.
        """
        return self.server.connection_age_s + 30


def read_fleet(path: files.PathLike) -> Fleet:
    """Reads a description.

    Raises:
        ConfigError: names what is wrong, where, and what to do.
    """
    values: dict[str, Any] = load_yaml(path)
    return parse(Fleet, values, where=str(path))
