"""How callers reach the servers, and who may."""

from __future__ import annotations

from typing import Any

from serving.fleet import flags
from serving.fleet.commented import Why
from serving.fleet.description import Fleet
from serving.fleet.names import labels, metadata
from serving.fleet.server_files import METRICS_PATH
from zoo import files


def services(fleet: Fleet) -> list[dict[str, Any]]:
    """A headless Service for callers, and one with an address for metrics and for those that can't balance."""
    protocol = "https" if fleet.tls else "kubernetes.io/h2c"
    ports = [
        {"name": "grpc", "port": flags.GRPC, "targetPort": "grpc", "appProtocol": protocol},
        {"name": "rest", "port": flags.REST, "targetPort": "rest"},
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(fleet),
            "spec": {
                "clusterIP": Why(
                    "None",
                    "Headless: the name gives the pods' addresses, and the client balances call by call "
                    "(round_robin). An address of its own would balance connections, of which gRPC has one.",
                ),
                "publishNotReadyAddresses": False,
                "selector": labels(fleet),
                "ports": ports,
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(fleet, "metrics", **{"app.kubernetes.io/component": "metrics"}),
            "spec": {"type": "ClusterIP", "selector": labels(fleet), "ports": ports[1:]},
        },
    ]


def account(fleet: Fleet) -> dict[str, Any]:
    """The pods' ServiceAccount."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(fleet), "automountServiceAccountToken": False}


def policy(fleet: Fleet) -> dict[str, Any]:
    """NetworkPolicy: callers to gRPC, Prometheus to REST, the sync to names and store, and nothing else."""
    traffic = fleet.traffic
    caller: dict[str, Any] = {"podSelector": {"matchLabels": dict(traffic.clients)}}
    if traffic.client_namespace:
        caller = {"namespaceSelector": _namespace(traffic.client_namespace), **caller}
    remote = [port for port in (443,) if any(files.scheme(model.source) for model in fleet.models.values())]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(fleet),
        "spec": {
            "podSelector": {"matchLabels": labels(fleet)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                Why(
                    {"from": [caller], "ports": [_port("grpc")]},
                    "ModelServer has no authentication of its own: who may call is decided here.",
                ),
                Why(
                    {"from": [{"namespaceSelector": _namespace(fleet.monitoring.namespace)}], "ports": [_port("rest")]},
                    "Prometheus. REST answers predictions, too, so nobody else is let in.",
                ),
            ],
            "egress": [
                Why(
                    {
                        "to": [{"namespaceSelector": _namespace("kube-system")}],
                        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
                    },
                    "Names.",
                ),
                *(
                    Why(
                        {"ports": [{"protocol": "TCP", "port": port}]},
                        "The sync to the store. Narrow it to the store's addresses where they are known.",
                    )
                    for port in remote
                ),
            ],
        },
    }


def monitor(fleet: Fleet) -> dict[str, Any]:
    """ServiceMonitor of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata(fleet, **fleet.monitoring.labels),
        "spec": {
            "selector": {"matchLabels": {**labels(fleet), "app.kubernetes.io/component": "metrics"}},
            "jobLabel": "app.kubernetes.io/instance",
            "endpoints": [{"port": "rest", "path": METRICS_PATH, "interval": "15s", "scrapeTimeout": "10s"}],
        },
    }


def _namespace(name: str) -> dict[str, Any]:
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


def _port(name: str) -> dict[str, Any]:
    return {"protocol": "TCP", "port": name}
