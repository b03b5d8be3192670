"""Names and labels that several manifests must agree on."""

from __future__ import annotations

from serving.fleet.description import Fleet

CONFIG_MAP = "config"
SYNC_PORT = 8502


def labels(fleet: Fleet) -> dict[str, str]:
    """Of everything that belongs to the fleet."""
    return {"app.kubernetes.io/name": "tf-serving", "app.kubernetes.io/instance": fleet.name}


def config_map(fleet: Fleet) -> str:
    """The ConfigMap of the servers' files, before kustomize adds the hash of its content."""
    return f"{fleet.name}-{CONFIG_MAP}"


def metadata(fleet: Fleet, name: str = "", **more: str) -> dict[str, object]:
    """Metadata of a manifest; the namespace is kustomize's."""
    return {"name": f"{fleet.name}-{name}" if name else fleet.name, "labels": {**labels(fleet), **more}}
