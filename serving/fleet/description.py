"""The one file that a user writes: which models, how many servers, on what, under which traffic."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from serving.fleet import images
from zoo import files
from zoo.config import Config, load_yaml, nearest, parse

# What a label of DNS may be; Kubernetes names services by it.
Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Version = Annotated[int, Field(ge=0, lt=2**63)]
Percent = Annotated[int, Field(ge=1, le=99)]
# Of a GPU's memory; the rest is the driver's and the libraries'.
MOST_OF_GPU = 0.9
# A name with its release, or the digest of its bytes.
_PINNED = re.compile(r"^[^\s:@]+(?::\d+/[^\s:@]+)?(?::(?P<tag>[\w][\w.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?$")


class Batching(Config):
    """How the server joins requests of several callers.

    Args:
        inputs: `[R, N]`, requests have different numbers of candidates or events and are padded to the widest of a batch;
            `[R]`, every request has the same widths, and none is padded.
        max_batch_size: requests in a batch. A call with more is refused, so the client's `max_batch` must not be above it.
        allowed_batch_sizes: sizes that batches are filled up to, ascending, the last one `max_batch_size`; by default the
            powers of two. A lone request is filled up to the first.
        timeout_us: how long a request waits for others. A lone client pays all of it in every call.
        max_enqueued_batches: batches that wait; beyond that calls are refused at once, instead of late.
    """

    inputs: Literal["[R, N]", "[R]"] = "[R, N]"
    max_batch_size: Count = 16
    allowed_batch_sizes: tuple[Count, ...] = ()
    timeout_us: Annotated[int, Field(ge=0)] = 1000
    max_enqueued_batches: Count = 64

    @model_validator(mode="after")
    def _sizes_ascend(self) -> Batching:
        sizes = self.allowed_batch_sizes
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != self.max_batch_size):
            raise ValueError(
                f"allowed_batch_sizes {list(sizes)} must ascend and end with max_batch_size {self.max_batch_size}; "
                "the server refuses to start otherwise"
            )
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes as the server gets them."""
        powers = [2**power for power in range(self.max_batch_size.bit_length()) if 2**power < self.max_batch_size]
        return self.allowed_batch_sizes or (*powers, self.max_batch_size)


class Versions(Config):
    """Which versions of a model a server keeps loaded: the newest so many, or just these."""

    latest: Count = 1
    specific: tuple[Version, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Versions:
        if self.specific and "latest" in self.model_fields_set:
            raise ValueError("give latest or specific, not both")
        if len(set(self.specific)) != len(self.specific):
            raise ValueError(f"specific {list(self.specific)} names a version twice")
        return self

    @property
    def resident(self) -> int:
        """How many are loaded at rest."""
        return len(self.specific) or self.latest


class Model(Config):
    """A model that every server of the fleet has.

    Args:
        source: folder of versions, as Pusher writes it, local or a URI. It is copied to the servers: they read no remote one.
        size_gib: memory of one loaded version. What the folder weighs is a lower bound.
        versions: which are loaded.
        labels: version by label; versions must then be specific, or a label would point to nothing after the next push.
        batching: none, and requests are not joined, which a list of models must say for itself.
        tried_with_xla: whether it was compiled and answered under XLA; some fail at the first compilation.
    """

    source: Annotated[str, Field(min_length=1)]
    size_gib: Positive
    versions: Versions = Versions()
    labels: dict[Name, Version] = {}
    batching: Batching | None = None
    tried_with_xla: bool = False

    @field_validator("source")
    @classmethod
    def _from_the_root(cls, source: str) -> str:
        if not files.scheme(source) and not source.startswith("/"):
            raise ValueError("expected a URI (s3://…, gs://…) or a path from the root, as the pods see it")
        return files.normal(source)

    @model_validator(mode="after")
    def _labels_point_to_versions(self) -> Model:
        for label, version in self.labels.items():
            if version not in self.versions.specific:
                raise ValueError(
                    f"label {label!r} points to version {version}, which versions.specific does not name; "
                    "name there all versions that labels point to"
                )
        return self


class Replicas(Config):
    """How few and how many servers there are."""

    min: Count = 3
    max: Count = 12

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.min < 2:
            raise ValueError("min must be 2 or more: a single server can neither be drained nor updated without failing calls")
        if self.max < self.min:
            raise ValueError(f"max {self.max} is below min {self.min}")
        return self


class Gpu(Config):
    """The GPUs of the nodes.

    Args:
        memory_gib: of a whole GPU.
        mig_profile: the slice that the MIG overlay asks for, as `nvidia-smi mig -lgip` calls it.
        shared_by: servers on one GPU in the overlays for time slicing and MPS.
    """

    memory_gib: Positive = 80
    mig_profile: Annotated[str, Field(pattern=r"^[1-7]g\.[1-9]\d*gb$")] = "2g.20gb"
    shared_by: Annotated[int, Field(ge=2, le=48)] = 2

    @property
    def slice_gib(self) -> float:
        """Memory of the MIG slice."""
        return float(self.mig_profile.split(".")[1].removesuffix("gb"))


class Server(Config):
    """One server.

    Args:
        cores: CPUs, whole ones, asked for and not exceeded.
        memory_gib: by default what the models need: all resident versions and one more of each, and one GiB.
        connection_age_s: after which clients must connect anew, and so find new servers and leave those that go.
        concurrent_calls: answered at once; beyond that callers get RESOURCE_EXHAUSTED.
        batch_threads: of all models together; by default one a core, and two on a GPU.
        xla: compile the graphs; every model must have been tried with it.
        grace_s: how long running calls may take after a server was told to stop.
    """

    cores: Count = 4
    memory_gib: Positive | None = None
    connection_age_s: Count = 30
    concurrent_calls: Count = 64
    batch_threads: Count | None = None
    xla: bool = False
    grace_s: Count = 10


class Image(Config):
    """The server's image.

    Args:
        tensorflow: minor release that the models were exported with; it says which TF Serving is taken.
        cpu: another image for CPUs, pinned by a tag or digest (a mirror, say).
        gpu: the same for GPUs.
    """

    tensorflow: str = images.DEFAULT
    cpu: str | None = None
    gpu: str | None = None

    @field_validator("tensorflow")
    @classmethod
    def _known(cls, value: str) -> str:
        known = [image.tensorflow for image in images.IMAGES]
        if value not in known:
            raise ValueError(f"no server was chosen for that TensorFlow{nearest(value, known)}")
        return value

    @field_validator("cpu", "gpu")
    @classmethod
    def _pinned(cls, value: str | None) -> str | None:
        return value if value is None else pinned(value)

    @model_validator(mode="after")
    def _new_enough(self) -> Image:
        for image in (self.cpu, self.gpu):
            tag = re.search(r"(?:^|/)serving:(\d+\.\d+[\w.-]*)", image or "")
            if tag and images.minor(tag[1]) < images.minor(self.tensorflow):
                raise ValueError(
                    f"{image} is older than TensorFlow {self.tensorflow}, which wrote the models; "
                    f"take {images.REPOSITORY}:{images.image_of(self.tensorflow).tag} or newer"
                )
        return self

    @property
    def on_cpu(self) -> str:
        """The image on CPUs."""
        return self.cpu or f"{images.REPOSITORY}:{images.image_of(self.tensorflow).tag}"

    @property
    def on_gpu(self) -> str:
        """The image on GPUs."""
        return self.gpu or f"{images.REPOSITORY}:{images.image_of(self.tensorflow).tag}-gpu"


class Storage(Config):
    """How models come to the servers.

    Args:
        image: with this package and the library of the store (s3fs, gcsfs), pinned; `zoo fleet sync` runs in it.
        poll_s: how often the store is looked at.
        keep: versions that stay on a server's disk beside those that are served.
        secret: a Secret whose keys become the environment of the sync, where the store wants credentials and the service
            account alone does not give them.
        disk_gib: by default what the versions need.
        volume: a PersistentVolumeClaim (ReadOnlyMany) that holds the sources, mounted at `/source`; for a CSI driver.
    """

    image: str
    poll_s: Count = 30
    keep: Annotated[int, Field(ge=0)] = 1
    secret: Name | None = None
    disk_gib: Positive | None = None
    volume: Name | None = None

    @field_validator("image")
    @classmethod
    def _pinned(cls, value: str) -> str:
        return pinned(value)


class Traffic(Config):
    """What the servers must bear.

    Args:
        peak_calls_per_second: of the whole fleet.
        calls_per_second_a_replica: that one server was measured to answer within the target.
        p99_ms: target of a call as the server measures it.
        queueing_ms: how long a request may wait for its batch before servers are added.
        error_ratio: share of failed calls that wakes somebody.
        clients: labels of the pods that may call.
        client_namespace: where they run; by default the fleet's own.
    """

    peak_calls_per_second: Positive
    calls_per_second_a_replica: Positive
    p99_ms: Positive = 100
    queueing_ms: Positive = 5
    error_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.01
    clients: dict[str, str] = {"tf-serving-client": "true"}
    client_namespace: str | None = None


class Monitoring(Config):
    """Where Prometheus runs.

    Args:
        namespace: of Prometheus.
        address: that KEDA and Argo Rollouts ask.
        labels: by which the operator finds ServiceMonitor and rules.
    """

    namespace: Name = "monitoring"
    address: str = "http://prometheus-operated.monitoring.svc:9090"
    labels: dict[str, str] = {"release": "prometheus"}


class Canary(Config):
    """A second version beside the first, for KServe.

    Args:
        version: of the model.
        percent: of the calls.
    """

    version: Version
    percent: Percent = 10


class KServe(Config):
    """KServe's form of the same fleet.

    Args:
        versions: by model, the version that is served.
        canaries: by model, a second version and its share.
    """

    versions: dict[str, Version]
    canaries: dict[str, Canary] = {}


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
        for name, model in self.models.items():
            if not files.scheme(model.source) and not model.source.startswith("/source/"):
                raise ValueError(
                    f"models.{name}.source: {model.source} is not below /source, where the pods mount storage.volume"
                )
        _check_kserve(self)
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
    def batched(self) -> bool:
        """Whether any model is batched."""
        return any(model.batching for model in self.models.values())

    @property
    def drain_s(self) -> int:
        """How long a server that goes stays up: until every client had to connect anew, and has read the names anew.

        gRPC's resolver asks for names at most every 30 seconds.
        """
        return self.server.connection_age_s + 30


def pinned(image: str) -> str:
    """The image, if it names one release.

    Raises:
        ValueError: neither tag nor digest, or a tag that moves.
    """
    match = _PINNED.match(image)
    if not match or not (match["tag"] or match["digest"]) or (match["tag"] == "latest" and not match["digest"]):
        raise ValueError("expected an image pinned by a tag other than latest, or by a digest: NAME:1.2.3 or NAME@sha256:…")
    return image


def object_name(model: str) -> str:
    """A model's name as Kubernetes takes names.

    Example:
        >>> object_name("two_towers.v2")
        'two-towers-v2'
    """
    return "".join(letter if letter.isalnum() else "-" for letter in model.lower()).strip("-")


def _check_kserve(fleet: Fleet) -> None:
    if fleet.kserve is None:
        return
    for name in sorted({*fleet.kserve.versions, *fleet.kserve.canaries} - set(fleet.models)):
        raise ValueError(f"kserve: no model {name!r}{nearest(name, fleet.models)}")
    for name in sorted(set(fleet.models) - set(fleet.kserve.versions)):
        raise ValueError(f"kserve.versions: which version of {name!r}? KServe's pods hold just one")
    objects: dict[str, str] = {}
    for name in fleet.models:
        other = objects.setdefault(object_name(name), name)
        if other != name:
            raise ValueError(f"kserve: {other!r} and {name!r} would both be called {object_name(name)!r}; rename one")
    for name, canary in fleet.kserve.canaries.items():
        if canary.version == fleet.kserve.versions[name]:
            raise ValueError(f"kserve.canaries.{name}: version {canary.version} is the stable one already")


def read_fleet(path: files.PathLike) -> Fleet:
    """Reads a description.

    Raises:
        ConfigError: names what is wrong, where, and what to do.
    """
    values: dict[str, Any] = load_yaml(path)
    return parse(Fleet, values, where=str(path))


__all__ = ["Batching", "Fleet", "Model", "pinned", "read_fleet"]
