"""ModelServer's flags, each with its reason; the same list makes the manifests and the table in the docs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from serving.fleet.commented import Why
from serving.fleet.description import Fleet
from serving.fleet.server_files import BATCHING, CONFIG, MONITORING, SSL_CONFIG, model_config_file

GRPC, REST = 8500, 8501


@dataclass(frozen=True)
class Flag:
    """A flag of ModelServer.

    Args:
        name: without dashes.
        reason: why it is set.
        value: of a fleet.
        wanted: whether a fleet needs it.
        when: the same in words, for the docs.
    """

    name: str
    reason: str
    value: Callable[[Fleet], str]
    wanted: Callable[[Fleet], bool] = lambda _: True
    when: str = "always"

    def of(self, fleet: Fleet) -> Why:
        """The argument with its reason."""
        return Why(f"--{self.name}={self.value(fleet)}", self.reason)


def _true(_: Fleet) -> str:
    return "true"


def _xla(fleet: Fleet) -> bool:
    return fleet.server.xla


def _batched(fleet: Fleet) -> bool:
    return fleet.batched


def _labelled(fleet: Fleet) -> bool:
    return fleet.storage.rollout is not None or any(model.labels for model in fleet.models.values())


def gpu_fraction(fleet: Fleet, gib: float) -> str:
    """Share of a GPU's memory that the models need, rounded up to a hundredth."""
    return f"{min(0.95, math.ceil(100 * fleet.models_gib / gib) / 100):.2f}"


PORTS = (
    Flag("port", "gRPC: what rankers call.", lambda _: str(GRPC)),
    Flag("rest_api_port", "Model status for readiness, and the metrics, which have no port of their own.", lambda _: str(REST)),
)
COMMON = (
    Flag("monitoring_config_file", "Without it no metrics are exported.", lambda _: f"{CONFIG}/{MONITORING}"),
    Flag("rest_api_num_threads", "Status and metrics only; the default is 4 a CPU of the node, not of the pod.", lambda _: "4"),
    Flag(
        "grpc_max_threads",
        "Calls answered at once. Beyond it callers get RESOURCE_EXHAUSTED 'Server Threadpool Exhausted'; the "
        "default, 4 a CPU, is little where calls wait for a batch.",
        lambda fleet: str(fleet.server.concurrent_calls),
    ),
    Flag(
        "grpc_channel_arguments",
        "gRPC keeps a connection for ever, so new pods would get no traffic and old ones would keep "
        "theirs: after this age clients connect anew, and running calls get the grace.",
        lambda fleet: (
            f"grpc.max_connection_age_ms={1000 * fleet.server.connection_age_s},"
            f"grpc.max_connection_age_grace_ms={1000 * fleet.server.grace_s}"
        ),
    ),
    Flag(
        "tensorflow_intra_op_parallelism",
        "The CPUs that the pod may use; by itself TensorFlow counts the node's and is throttled.",
        lambda fleet: str(fleet.server.cores),
    ),
    Flag("tensorflow_inter_op_parallelism", "The same for ops beside each other.", lambda fleet: str(fleet.server.cores)),
    Flag(
        "enable_model_warmup",
        "The real requests in assets.extra are run before a version is called available; a version "
        "whose warm-up fails is not taken.",
        _true,
    ),
    Flag(
        "max_num_load_retries",
        "A corrupt version is reported at once; by default it stays LOADING for five minutes, while the old one serves.",
        lambda _: "0",
    ),
    Flag(
        "num_load_threads",
        "Off the manager's own loop, which answers; and one at a time, so that one version at most is "
        "loaded beside those that serve.",
        lambda _: "1",
    ),
    Flag("num_unload_threads", "Memory is given back off the manager's loop, too.", lambda _: "1"),
)
MODELS = (
    Flag(
        "model_config_file",
        "Many models, version policies and labels; it is read at the start, and later changes come by "
        "HandleReloadConfigRequest or new pods.",
        lambda fleet: model_config_file(fleet),
    ),
    Flag(
        "file_system_poll_wait_seconds",
        "How often the folders of this pod are looked at; the sync polls the store.",
        lambda _: "5",
    ),
    Flag(
        "allow_version_labels_for_unavailable_models",
        "At the start no version is loaded yet, and without this the server exits because of its labels.",
        _true,
        _labelled,
        "a model has labels, or storage.rollout",
    ),
    Flag(
        "ssl_config_file",
        "TLS on the gRPC port; REST stays in the clear, which is why the NetworkPolicy lets Prometheus alone reach it. It is "
        "read at the start: a renewed certificate needs new pods.",
        lambda _: SSL_CONFIG,
        lambda fleet: fleet.tls is not None,
        "tls",
    ),
    Flag("enable_batching", "Requests of several callers are computed together.", _true, _batched, "a model has batching"),
    Flag(
        "batching_parameters_file",
        "The threads that all models share.",
        lambda _: f"{CONFIG}/{BATCHING}",
        _batched,
        "a model has batching",
    ),
    Flag(
        "enable_per_model_batching_parameters",
        "Sizes and times are each model's own; a model without its file is not batched.",
        _true,
        _batched,
        "a model has batching",
    ),
)
XLA_CPU = (
    Flag(
        "xla_cpu_compilation_enabled",
        "All models were tried with it; off by default, as some fail at their first compilation.",
        _true,
        _xla,
        "server.xla, on CPUs",
    ),
)
XLA_GPU = (
    Flag(
        "xla_gpu_compilation_enabled",
        "All models were tried with it; off by default, as some fail at their first compilation.",
        _true,
        _xla,
        "server.xla, on GPUs",
    ),
)
GPU = (
    Flag(
        "per_process_gpu_memory_fraction",
        "Room for all resident versions and one that loads beside them; by itself a "
        "process takes the whole GPU, and nothing else would hold it back where several share one.",
        lambda fleet: gpu_fraction(fleet, fleet.gpu.memory_gib if fleet.gpu else math.inf),
        lambda fleet: fleet.gpu is not None,
        "GPU overlays",
    ),
)


def arguments(flags: tuple[Flag, ...], fleet: Fleet) -> list[Why]:
    """The flags that a fleet needs, as arguments with reasons."""
    return [flag.of(fleet) for flag in flags if flag.wanted(fleet)]


def table() -> list[list[str]]:
    """Rows of the table in the docs."""
    return [[f"`--{flag.name}`", flag.when, flag.reason] for flag in (*PORTS, *COMMON, *MODELS, *XLA_CPU, *XLA_GPU, *GPU)]
