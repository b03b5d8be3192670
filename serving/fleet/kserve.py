"""KServe's form of the fleet: a ServingRuntime and an InferenceService for each model.

KServe's built-in runtime pins a server of 2020 with neither monitoring nor batching, so there is one of our own. Its storage
initializer copies one folder into each pod, once: version policies and labels do nothing there, and a new version means new
pods.
"""

from __future__ import annotations

from typing import Any

from serving.fleet import flags
from serving.fleet.commented import Why
from serving.fleet.deployment import USER, gib
from serving.fleet.description import Fleet, Model, object_name
from serving.fleet.names import config_map, labels
from serving.fleet.server_files import CONFIG, METRICS_PATH, batching_file
from zoo import files

_COPIED = "/mnt/models"
_GRPC, _REST = 9000, 8080


def runtime(fleet: Fleet, name: str) -> dict[str, Any]:
    """The ServingRuntime of a model."""
    model = fleet.models[name]
    cores, memory = str(fleet.server.cores), gib(model.size_gib + 1)
    image, device = (fleet.image.on_gpu, {"nvidia.com/gpu": 1}) if fleet.gpu else (fleet.image.on_cpu, {})
    arguments = flags.arguments(flags.COMMON, fleet) + flags.arguments(flags.XLA_GPU if fleet.gpu else flags.XLA_CPU, fleet)
    batching = (
        []
        if model.batching is None
        else [
            Why("--enable_batching=true", "Requests of several callers are computed together."),
            Why(
                f"--batching_parameters_file={CONFIG}/{batching_file(name)}",
                "Sizes, time and threads; this server has one model.",
            ),
        ]
    )
    start = (
        f'mkdir -p /tmp/models && ln -sfn {_COPIED} "/tmp/models/$MODEL_VERSION" && '
        'exec /usr/bin/tensorflow_model_server "--model_name=$MODEL_NAME" "$@"'
    )
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": resource(fleet, name), "labels": labels(fleet)},
        "spec": {
            "annotations": {"prometheus.kserve.io/port": str(_REST), "prometheus.kserve.io/path": METRICS_PATH},
            "supportedModelFormats": [{"name": "tensorflow", "version": "2"}],
            "protocolVersions": ["v1", "grpc-v1"],
            "multiModel": False,
            "containers": [
                {
                    "name": "kserve-container",
                    "image": image,
                    "command": Why(
                        ["/bin/sh", "-c", start, "server"],
                        "The server wants a folder of versions, and the initializer copies "
                        "one version without its number: the link gives it back.",
                    ),
                    "args": [
                        "--model_base_path=/tmp/models",
                        f"--port={_GRPC}",
                        f"--rest_api_port={_REST}",
                        *arguments,
                        *batching,
                    ],
                    "ports": [{"name": "http1", "containerPort": _REST, "protocol": "TCP"}],
                    "readinessProbe": Why(
                        {"httpGet": {"path": f"/v1/models/{name}/metadata", "port": _REST}, "periodSeconds": 5},
                        "Answers only when a version is available; the status answers before.",
                    ),
                    "resources": {
                        "requests": {"cpu": cores, "memory": memory},
                        "limits": {"cpu": cores, "memory": memory, **device},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "runAsNonRoot": True,
                        "runAsUser": USER,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "volumeMounts": [
                        {"name": "fleet-config", "mountPath": CONFIG, "readOnly": True},
                        {"name": "fleet-tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {"name": "fleet-config", "configMap": {"name": config_map(fleet)}},
                {"name": "fleet-tmp", "emptyDir": {"sizeLimit": "256Mi"}},
            ],
        },
    }


def service(fleet: Fleet, name: str) -> dict[str, Any]:
    """The InferenceService of a model, with its canary where one is described."""
    assert fleet.kserve is not None
    model, canary = fleet.models[name], fleet.kserve.canaries.get(name)
    stable = fleet.kserve.versions[name]
    spec: dict[str, Any] = {
        "predictor": {
            **_predictor(fleet, name, model, stable),
            "minReplicas": fleet.replicas.min,
            "maxReplicas": fleet.replicas.max,
            "scaleMetric": "cpu",
            "scaleTarget": 70,
        }
    }
    if canary:
        spec["canary"] = Why(
            [
                {
                    "trafficPercent": canary.percent,
                    "predictor": {**_predictor(fleet, name, model, canary.version), "minReplicas": 1},
                }
            ],
            "From KServe 0.20 on; before, canaryTrafficPercent was silently ignored in Standard mode. To promote it, make its "
            "version the stable one and take this away.",
        )
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": resource(fleet, name),
            "labels": labels(fleet),
            "annotations": {"serving.kserve.io/deploymentMode": Why("Standard", "Plain Deployments, without Knative.")},
        },
        "spec": spec,
    }


def resource(fleet: Fleet, model: str) -> str:
    """Name of a model's objects: what Kubernetes takes as a name."""
    return f"{fleet.name}-{object_name(model)}"


def _predictor(fleet: Fleet, name: str, model: Model, version: int) -> dict[str, Any]:
    claim = fleet.storage.volume
    source = model.source if files.scheme(model.source) else f"pvc://{claim}/{model.source.removeprefix('/source').strip('/')}"
    return {
        "name": f"v{version}",
        "serviceAccountName": fleet.name,
        "model": {
            "name": Why("kserve-container", "The container of the runtime; a canary's must be named."),
            "modelFormat": {"name": "tensorflow", "version": "2"},
            "runtime": resource(fleet, name),
            "protocolVersion": "v1",
            "storageUri": f"{source}/{version}",
            "env": [{"name": "MODEL_NAME", "value": name}, {"name": "MODEL_VERSION", "value": str(version)}],
        },
    }
