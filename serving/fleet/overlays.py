"""What differs between CPUs, whole GPUs, and shared ones: patches of the base, by JSON pointers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.fleet import flags
from serving.fleet.commented import Why, to_yaml
from serving.fleet.description import MOST_OF_GPU, Fleet

_SERVER = "/spec/template/spec/containers/0"
SHARED = "nvidia.com/gpu.shared"


@dataclass(frozen=True)
class Sharing:
    """A way to give a server a GPU or a part of one.

    Args:
        overlay: name of its folder.
        resource: that the device plugin offers.
        gib: memory that a server may take.
        of_gib: memory that it sees, of which its fraction is taken.
        isolates: what it does not isolate, in words for the manifest and the docs.
    """

    overlay: str
    resource: str
    gib: float
    of_gib: float
    isolates: str


def ways(fleet: Fleet) -> list[Sharing]:
    """The ways to use the described GPUs; none without GPUs."""
    gpu = fleet.gpu
    if gpu is None:
        return []
    share = gpu.memory_gib / gpu.shared_by
    return [
        Sharing("gpu", "nvidia.com/gpu", gpu.memory_gib, gpu.memory_gib, ISOLATION["gpu"]),
        Sharing("gpu-mig", f"nvidia.com/mig-{gpu.mig_profile}", gpu.slice_gib, gpu.slice_gib, ISOLATION["gpu-mig"]),
        Sharing("gpu-time-slicing", SHARED, share, gpu.memory_gib, ISOLATION["gpu-time-slicing"]),
        Sharing("gpu-mps", SHARED, share, gpu.memory_gib, ISOLATION["gpu-mps"]),
    ]


ISOLATION = {
    "gpu": "A whole GPU: nobody else on it. Bandwidth to the host is the node's.",
    "gpu-mig": "A slice of its own memory, cache and compute; a fault stays in the slice. Not isolated: power and clock of the "
    "card, its bus, driver and reset. The slices must exist before, and are changed on an empty card only.",
    "gpu-time-slicing": "Servers take turns. Not isolated: memory (whoever takes too much fails the others' allocations), "
    "faults (a fatal error ends all of them), and time (latency depends on the neighbours).",
    "gpu-mps": "Servers compute side by side, each with a limit of memory. Not isolated: faults (a fatal error of one ends "
    "all), caches and bandwidth. Whole GPUs only, not MIG slices, and metrics of the card can't be told apart by container.",
}


def fits(fleet: Fleet, way: Sharing) -> bool:
    """Whether the models fit there while each loads a version."""
    return fleet.models_gib <= MOST_OF_GPU * way.gib


def cpu_patch(fleet: Fleet) -> list[Any]:
    """Of the Deployment, for CPUs."""
    return [
        Why({"op": "replace", "path": f"{_SERVER}/image", "value": fleet.image.on_cpu}, "The image without CUDA."),
        *_add(flags.XLA_CPU, fleet),
    ]


def gpu_patch(fleet: Fleet, way: Sharing) -> list[Any]:
    """Of the Deployment, for one way to use GPUs."""
    fraction = flags.gpu_fraction(fleet, way.of_gib)
    pointer = way.resource.replace("/", "~1")
    return [
        Why({"op": "replace", "path": f"{_SERVER}/image", "value": fleet.image.on_gpu}, "The image with CUDA."),
        Why({"op": "add", "path": f"{_SERVER}/resources/limits/{pointer}", "value": 1}, way.isolates),
        Why(
            {
                "op": "add",
                "path": "/spec/template/spec/tolerations",
                "value": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            },
            "GPU nodes keep others away by this taint.",
        ),
        *(
            Why({"op": "add", "path": f"{_SERVER}/args/-", "value": f"--{flag.name}={fraction}"}, flag.reason)
            for flag in flags.GPU
        ),
        *_add(flags.XLA_GPU, fleet),
    ]


def device_plugin(fleet: Fleet, way: str) -> dict[str, Any]:
    """The device plugin's configuration for shared GPUs, a ConfigMap for the GPU operator's namespace."""
    assert fleet.gpu is not None
    kind = {"gpu-time-slicing": "timeSlicing", "gpu-mps": "mps"}[way]
    sharing: dict[str, Any] = {
        "renameByDefault": True,
        "resources": [{"name": "nvidia.com/gpu", "replicas": fleet.gpu.shared_by}],
    }
    if kind == "timeSlicing":
        sharing["failRequestsGreaterThanOne"] = True
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{fleet.name}-{way}", "namespace": "gpu-operator"},
        "data": {
            "shared": Why(
                to_yaml({"version": "v1", "sharing": {kind: sharing}}),
                f"Offered as {SHARED}, so that nobody gets a shared GPU who asked for a whole one. " + ISOLATION[way],
            )
        },
    }


def _add(more: tuple[flags.Flag, ...], fleet: Fleet) -> list[Why]:
    return [
        Why({"op": "add", "path": f"{_SERVER}/args/-", "value": argument.value}, argument.reason)
        for argument in flags.arguments(more, fleet)
    ]
