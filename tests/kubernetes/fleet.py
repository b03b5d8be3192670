"""The fleet of the proof: a description as a user writes it, rendered by `zoo fleet render`, and an overlay of our own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.images import NEWER_SERVER, SERVER, ZOO
from tests.kubernetes.kubectl import NAMESPACE, create, kubectl
from zoo.config import merged

NAME, CLAIM = "ranking", "models"
TARGET = f"{NAME}.{NAMESPACE}.svc.cluster.local:8500"
LABELS = f"app.kubernetes.io/instance={NAME}"
MOST = 4  # servers: with one more, by which updates roll, what fits beside each other on a small machine
AGE_S = 5  # of connections, so that new servers get calls soon

DESCRIPTION: dict[str, Any] = {
    "name": NAME,
    "namespace": NAMESPACE,
    "models": {
        "din": {"source": "/source/din", "size_gib": 0.1},
        "lr": {"source": "/source/lr", "size_gib": 0.1},
    },
    "storage": {"image": ZOO, "volume": CLAIM, "rollout": "/source/rollout.yaml", "poll_s": 3},
    "image": {"cpu": SERVER},
    "server": {"cores": 1, "memory_gib": 1.5, "connection_age_s": AGE_S},
    "traffic": {"peak_calls_per_second": 40, "calls_per_second_a_replica": 20},
    "replicas": {"min": 2, "max": MOST},
}
NEWER: Mapping[str, Any] = merged(DESCRIPTION, {"image": {"cpu": NEWER_SERVER}})
# Two CPUs, which both nodes count as theirs, are to carry all servers and their callers, who can not send so much that servers
# need what they ask for: less is reserved. And nothing of Prometheus' operator is here, so its objects are left out.
_RESERVED = [
    {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "80m"},
    {"op": "replace", "path": "/spec/template/spec/containers/1/resources/requests/cpu", "value": "20m"},
]
# Nothing gives the autoscaler the servers' own metrics, and with one of two missing it takes no pod away; half of a minute is
# enough of a calm here.
_SCALED = [
    {"op": "remove", "path": "/spec/metrics/0"},
    {"op": "replace", "path": "/spec/behavior/scaleDown/stabilizationWindowSeconds", "value": 30},
]


def render(description: Mapping[str, Any], folder: Path, overlay: str = "cpu") -> Path:
    """Renders a description, and lays the overlay of this machine over it.

    Args:
        description: of a fleet.
        folder: for what is rendered.
        overlay: of the rendered ones.

    Returns:
        The folder for `kubectl apply -k`.
    """
    folder.mkdir(exist_ok=True)
    (folder / "fleet.yaml").write_text(yaml.safe_dump(dict(description), sort_keys=False), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "tfx_pipelines.cli", "fleet", "render", folder / "fleet.yaml", "--out",
                    folder / "deploy"], check=True, stdout=subprocess.DEVNULL)
    own = folder / "deploy-here"
    own.mkdir(exist_ok=True)
    absent = "apiVersion: monitoring.coreos.com/v1\nkind: {}\nmetadata: {{name: {}}}\n$patch: delete\n"
    patches: list[dict[str, Any]] = [{"patch": absent.format(kind, NAME)} for kind in ("ServiceMonitor", "PrometheusRule")]
    if overlay == "cpu":
        patches += [{"target": {"kind": "Deployment", "name": NAME}, "patch": yaml.safe_dump(_RESERVED)},
                    {"target": {"kind": "HorizontalPodAutoscaler", "name": NAME}, "patch": yaml.safe_dump(_SCALED)}]
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                     "resources": [f"../deploy/overlays/{overlay}"], "patches": patches}
    (own / "kustomization.yaml").write_text(yaml.safe_dump(kustomization, sort_keys=False), encoding="utf-8")
    return own


def apply(folder: Path, namespace: str = NAMESPACE) -> None:
    """Applies a kustomization; a field that Kubernetes does not know is an error."""
    kubectl("apply", "--validate=strict", "--kustomize", folder, namespace=namespace)


def claim(source: Path) -> None:
    """The namespace, and the volume that holds the models: a folder of this machine in place of a CSI driver."""
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, namespace=None)
    size = {"storage": "1Gi"}
    create(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": CLAIM},
         "spec": {"capacity": size, "accessModes": ["ReadOnlyMany"], "hostPath": {"path": str(source), "type": "Directory"},
                  "storageClassName": "", "claimRef": {"namespace": NAMESPACE, "name": CLAIM}}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM, "namespace": NAMESPACE},
         "spec": {"accessModes": ["ReadOnlyMany"], "resources": {"requests": size}, "storageClassName": "",
                  "volumeName": CLAIM}})
