"""A thousand servers with a GPU each are planned on 125 nodes that are descriptions only: nothing of them runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.kubernetes import fleet
from tests.kubernetes.checks.context import require
from tests.kubernetes.described_nodes import described_nodes
from tests.kubernetes.kubectl import create, kubectl, wait

NODES, GPUS, REPLICAS = 125, 8, 1000
_NAMESPACE, _CONTROL = "gpus", "10.98.0.1"
DESCRIPTION: dict[str, Any] = {
    "name": fleet.NAME,
    "namespace": _NAMESPACE,
    "models": {"din": {"source": "s3://models/din", "size_gib": 4}},
    "storage": {"image": "shop/zoo:0.3.0"},
    "traffic": {"peak_calls_per_second": 900_000, "calls_per_second_a_replica": 1000},
    "replicas": {"min": REPLICAS, "max": REPLICAS},
    "gpu": {"memory_gib": 80},
}


def planned(work: Path, pki: Path) -> dict[str, Any]:
    """Applies the overlay for whole GPUs: every pod gets a node, and every GPU one pod."""
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}, namespace=None)
    with described_nodes(NODES, GPUS, _CONTROL, pki) as names:
        fleet.apply(fleet.render(DESCRIPTION, work / "gpus", "gpu"), _NAMESPACE)
        took = wait("all pods are planned", lambda: len(_places()) == REPLICAS)
        by_node = Counter(_places())
        kubectl("delete", f"deployment/{fleet.NAME}", "--wait=false", namespace=_NAMESPACE)
    require(set(by_node) == set(names) and set(by_node.values()) == {GPUS}, f"pods by node: {by_node}")
    return {"planned": REPLICAS, "nodes": NODES, "gpus_a_node": GPUS, "planned_after_s": round(took, 1)}


def _places() -> list[str]:
    """The nodes of the pods that have one."""
    one_a_line = "--output=jsonpath={range .items[*]}{.spec.nodeName}{\"\\n\"}{end}"
    return [place for place in kubectl("get", "pods", one_a_line, namespace=_NAMESPACE).splitlines() if place]
