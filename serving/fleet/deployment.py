"""The Deployment: servers whose models are copied in by a sync, ready when every model answers."""

from __future__ import annotations

import posixpath
from typing import Any

from serving.fleet import flags
from serving.fleet.commented import Why
from serving.fleet.description import Fleet
from serving.fleet.names import SYNC_PORT, config_map, labels, metadata
from serving.fleet.server_files import CONFIG, MODELS, SOURCES, SSL_CONFIG, TLS, model_config_file

SERVER = "server"
USER = 10001
_HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def gib(amount: float) -> str:
    """An amount of memory as Kubernetes writes it, rounded up to a MiB."""
    return f"{-int(-amount * 1024 // 1)}Mi"


def deployment(fleet: Fleet) -> dict[str, Any]:
    """The Deployment of the base."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(fleet),
        "spec": {
            "revisionHistoryLimit": Why(
                5,
                "No replicas here: a number would set the fleet back to it at every apply, and the autoscaler keeps the count.",
            ),
            "minReadySeconds": Why(
                fleet.server.connection_age_s,
                "An age of the clients' connections: new pods have calls before the next old one goes.",
            ),
            "progressDeadlineSeconds": 1800,
            "selector": {"matchLabels": labels(fleet)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": Why(0, "No pod goes before its replacement is ready."), "maxSurge": "25%"},
            },
            "template": {"metadata": {"labels": labels(fleet)}, "spec": pod(fleet)},
        },
    }


def pod(fleet: Fleet) -> dict[str, Any]:
    """The pods' specification."""
    volume = fleet.storage.volume
    return {
        "serviceAccountName": Why(
            fleet.name, "The store's workload identity belongs to it; the pod itself never calls the API."
        ),
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": Why(USER, "Sync and server share the models' volume."),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": Why(
            fleet.drain_s + fleet.server.grace_s + 5, "The preStop sleep, and the grace of running calls."
        ),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(fleet)},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "initContainers": [
            Why(
                _first_sync(fleet),
                "The server exits where a model's folder is empty: it starts when all are copied.",
            )
        ],
        "containers": [server(fleet), _watch(fleet)],
        "volumes": [
            {"name": "models", "emptyDir": {"sizeLimit": gib(fleet.disk_gib)}},
            {"name": "config", "configMap": {"name": config_map(fleet)}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
            *([{"name": "source", "persistentVolumeClaim": {"claimName": volume, "readOnly": True}}] if volume else []),
            *_tls_volumes(fleet),
        ],
    }


def server(fleet: Fleet) -> dict[str, Any]:
    """ModelServer's container."""
    cores, memory = str(fleet.server.cores), gib(fleet.memory_gib)
    return {
        "name": SERVER,
        "image": fleet.image.on_cpu,
        "imagePullPolicy": "IfNotPresent",
        "command": Why(["/usr/bin/tensorflow_model_server"], "Past the image's script, which adds a model of its own."),
        "args": flags.arguments((*flags.PORTS, *flags.COMMON, *flags.MODELS), fleet),
        "ports": [{"name": "grpc", "containerPort": flags.GRPC}, {"name": "rest", "containerPort": flags.REST}],
        "resources": {
            "requests": {"cpu": cores, "memory": memory},
            "limits": Why(
                {"cpu": cores, "memory": memory},
                "As asked for: nothing else can take it, and a pod over it is killed "
                "alone. Memory holds every model's resident versions and one that loads.",
            ),
        },
        "startupProbe": Why(
            {"tcpSocket": {"port": "grpc"}, "periodSeconds": 5, "failureThreshold": 240},
            "The port opens when every model was loaded and warmed up; twenty minutes for that.",
        ),
        "livenessProbe": Why(
            {"tcpSocket": {"port": "grpc"}, "periodSeconds": 10, "failureThreshold": 6},
            "Not the gRPC health service: it says SERVING whatever happens, and on a busy server it fails, which "
            "would end the busiest pods first.",
        ),
        "lifecycle": {
            "preStop": Why(
                {"exec": {"command": ["sleep", str(fleet.drain_s)]}},
                "Until every client had to connect anew and has read the names anew, this pod still answers.",
            )
        },
        "securityContext": dict(_HARDENED),
        "volumeMounts": [
            {"name": "models", "mountPath": MODELS, "readOnly": True},
            {"name": "config", "mountPath": CONFIG, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
            *([{"name": "ssl", "mountPath": posixpath.dirname(SSL_CONFIG), "readOnly": True}] if fleet.tls else []),
        ],
    }


def _tls_volumes(fleet: Fleet) -> list[Any]:
    if fleet.tls is None:
        return []
    in_memory = {"name": "ssl", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
    return [
        {"name": "tls", "secret": {"secretName": fleet.tls.secret, "defaultMode": Why(0o440, "For the pod's own group.")}},
        Why(in_memory, "The key in ModelServer's form; it never comes to a disk."),
    ]


def _first_sync(fleet: Fleet) -> dict[str, Any]:
    if fleet.tls is None:
        return {"name": "first-sync", **_sync(fleet, "--once")}
    verify = ["--verify-clients"] if fleet.tls.mutual else []
    container = _sync(fleet, "--once", f"--ssl-config={SSL_CONFIG}", *_tls_files(own=True), *verify)
    container["volumeMounts"].append({"name": "ssl", "mountPath": posixpath.dirname(SSL_CONFIG)})
    return {"name": "first-sync", **container}


def _tls_files(own: bool) -> list[str]:
    shown = [f"--tls-cert={TLS}/tls.crt", f"--tls-key={TLS}/tls.key"] if own else []
    return [f"--tls-ca={TLS}/ca.crt", *shown]


def _watch(fleet: Fleet) -> dict[str, Any]:
    probe = {"port": "sync", "scheme": "HTTP"}
    return {
        "name": "sync",
        **_sync(
            fleet,
            f"--every={fleet.storage.poll_s}",
            f"--ready-port={SYNC_PORT}",
            f"--server=http://127.0.0.1:{flags.REST}",
            f"--model-config={model_config_file(fleet)}",
            *([f"--grpc=127.0.0.1:{flags.GRPC}"] if fleet.storage.rollout else []),
            *(
                [*_tls_files(fleet.tls.mutual), f"--tls-name={fleet.server_name}"]
                if fleet.storage.rollout and fleet.tls
                else []
            ),
        ),
        "ports": [{"name": "sync", "containerPort": SYNC_PORT}],
        "startupProbe": Why(
            {"httpGet": {"path": "/started", **probe}, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 240},
            "Asks the server for the status of each model: every version that the configuration names must be AVAILABLE.",
        ),
        "readinessProbe": Why(
            {"httpGet": {"path": "/ready", **probe}, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 2},
            "Afterwards each model must have an AVAILABLE version, so that a version that fails to load does not "
            "take the old one's pods away.",
        ),
    }


def _sync(fleet: Fleet, *arguments: str) -> dict[str, Any]:
    storage = fleet.storage
    return {
        "image": storage.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["zoo"],
        "args": ["fleet", "sync", f"--sources={CONFIG}/{SOURCES}", f"--models={MODELS}", *arguments],
        "env": [{"name": "HOME", "value": "/tmp"}],
        **({"envFrom": [{"secretRef": {"name": storage.secret}}]} if storage.secret else {}),
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": dict(_HARDENED),
        "volumeMounts": [
            {"name": "models", "mountPath": MODELS},
            {"name": "config", "mountPath": CONFIG, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
            *([{"name": "source", "mountPath": "/source", "readOnly": True}] if storage.volume else []),
            *([{"name": "tls", "mountPath": TLS, "readOnly": True}] if fleet.tls else []),
        ],
    }
