"""Nodes that are descriptions only: no machine is behind them, and yet they report that they live."""

from __future__ import annotations

import datetime
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kubernetes.kubectl import create

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_EVERY_S = 10.0  # a kubelet's own


@contextmanager
def described_nodes(count: int, gpus: int, control: str, pki: Path) -> Iterator[list[str]]:
    """Registers nodes with GPUs as their kubelets would, and renews their leases for as long as the block runs.

    Args:
        count: nodes.
        gpus: of each.
        control: address of the API server.
        pki: folder of the cluster's certificates.
    """
    names = [f"gpu-{number}" for number in range(count)]
    create(*(_node(name, gpus) for name in names), *(_lease(name) for name in names), namespace=None)
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(names, control, pki, stop))
    beating.start()
    try:
        yield names
    finally:
        stop.set()
        beating.join()


def _node(name: str, gpus: int) -> dict[str, Any]:
    has = {"cpu": "96", "memory": "1Ti", "pods": "110", "ephemeral-storage": "4Ti", "nvidia.com/gpu": str(gpus)}
    ready = {"type": "Ready", "status": "True", "reason": "Described", "message": "there is no machine behind it"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
            "status": {"capacity": has, "allocatable": has, "conditions": [ready]}}


def _lease(name: str) -> dict[str, Any]:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now()}}


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _beat(names: Sequence[str], control: str, pki: Path, stop: threading.Event) -> None:
    trusted = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    trusted.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    connection = http.client.HTTPSConnection(control, 6443, context=trusted)
    while not stop.is_set():
        for name in names:
            connection.request("PATCH", f"{_LEASES}/{name}", json.dumps({"spec": {"renewTime": _now()}}),
                               {"Content-Type": "application/merge-patch+json"})
            connection.getresponse().read()
        stop.wait(_EVERY_S)
    connection.close()
