"""Everything that a fleet needs, as files: from one description, the same bytes every time."""

from __future__ import annotations

from typing import Any

from serving.errors import ServingError
from serving.fleet import alerts, dashboard, kserve, network, overlays, rollouts, scaling, server_files, sync
from serving.fleet.commented import Why, to_yaml
from serving.fleet.deployment import deployment
from serving.fleet.description import Fleet
from serving.fleet.names import config_map, labels
from zoo import files

_MARK = "rendered.txt"
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}


def render(fleet: Fleet) -> dict[str, str]:
    """The files of a fleet.

    Args:
        fleet: the description.

    Returns:
        Text by path: `base`, `overlays/…` and `components/…` for kustomize, `kserve`; what is not the fleet's own in `cluster`.
    """
    result = _base(fleet) | _monitoring(fleet)
    if fleet.autoscaling == "keda":
        result |= _component(fleet, "keda", {"scaled-object.yaml": scaling.keda(fleet)})
    else:
        result["cluster/prometheus-adapter.yaml"] = to_yaml(
            Why(
                scaling.adapter_rules(fleet),
                "Values of prometheus-adapter's chart; without them the autoscaler has the CPU alone.",
            )
        )
    if fleet.argo_rollouts:
        result |= _component(
            fleet,
            "argo-rollouts",
            {"rollout.yaml": rollouts.rollout(fleet), "analysis.yaml": rollouts.analysis(fleet)},
            rollouts.patches(fleet),
        )
    result |= _overlay(fleet, "cpu", overlays.cpu_patch(fleet))
    for way in overlays.ways(fleet):
        if overlays.fits(fleet, way):
            result |= _overlay(fleet, way.overlay, overlays.gpu_patch(fleet, way), gpu=True)
            if way.resource == overlays.SHARED:
                result[f"cluster/{way.overlay}.yaml"] = to_yaml(overlays.device_plugin(fleet, way.overlay))
    if fleet.kserve:
        result |= _kserve(fleet)
    return dict(sorted(result.items()))


def left_out(fleet: Fleet) -> list[str]:
    """Overlays that were not written, and why."""
    return [
        f"overlays/{way.overlay}: the models need {fleet.models_gib:g} GiB while a version loads, of {way.gib:g} GiB there are "
        f"{overlays.MOST_OF_GPU * way.gib:g} to be had; serve fewer models, or give a bigger share"
        for way in overlays.ways(fleet)
        if not overlays.fits(fleet, way)
    ]


def write(texts: dict[str, str], folder: files.PathLike) -> None:
    """Writes files into a folder, and removes from it what an earlier call wrote and this one does not.

    Raises:
        ServingError: the folder holds something else.
    """
    mark = files.join(folder, _MARK)
    before = files.read_text(mark).splitlines() if files.is_file(mark) else []
    if files.list_dir(folder) and not before:
        raise ServingError(f"{folder}: not empty, and not written by this command; name another folder, or empty it")
    with files.writing(folder):
        for path in sorted(set(before) - set(texts)):
            files.remove(files.join(folder, path))
        for path, text in texts.items():
            target = files.join(folder, path)
            files.make_dirs(files.parent(target))
            files.write_text(target, text)
        files.write_text(mark, "\n".join(texts) + "\n")


def _base(fleet: Fleet) -> dict[str, str]:
    manifests = {
        "deployment.yaml": [deployment(fleet)],
        "disruption-budget.yaml": [scaling.budget(fleet)],
        "network-policy.yaml": [network.policy(fleet)],
        "service-account.yaml": [network.account(fleet)],
        "services.yaml": network.services(fleet),
    }
    if fleet.autoscaling == "hpa":
        manifests["autoscaler.yaml"] = [scaling.autoscaler(fleet)]
    config = _server_files(fleet)
    kustomization = {
        **_KUSTOMIZATION,
        "namespace": fleet.namespace,
        "resources": sorted(manifests),
        "configMapGenerator": Why(
            [
                {
                    "name": config_map(fleet),
                    "files": [f"config/{name}" for name in sorted(config)],
                    "options": {"labels": labels(fleet)},
                }
            ],
            "Its name gets a hash of the content, so a change rolls the pods like any other.",
        ),
    }
    return (
        {f"base/{name}": to_yaml(*documents) for name, documents in manifests.items()}
        | {f"base/config/{name}": text for name, text in config.items()}
        | {"base/kustomization.yaml": to_yaml(kustomization)}
    )


def _server_files(fleet: Fleet, gpu: bool = False) -> dict[str, str]:
    result = {
        server_files.MODEL_CONFIG: server_files.model_config(fleet),
        server_files.MONITORING: server_files.monitoring_config(),
        server_files.SOURCES: to_yaml(
            Why(
                sync.sources_of(fleet).model_dump(mode="json", exclude_unset=True),
                "What the sync of each pod copies from the store.",
            )
        ),
    }
    if fleet.batched:
        result[server_files.BATCHING] = server_files.threads_config(fleet, gpu)
    for name, model in fleet.models.items():
        if model.batching:
            result[server_files.batching_file(name)] = server_files.model_batching(model.batching)
    return result


def _monitoring(fleet: Fleet) -> dict[str, str]:
    generator = [
        {
            "name": f"{fleet.name}-dashboard",
            "files": ["dashboard.json"],
            "options": {"disableNameSuffixHash": True, "labels": {**labels(fleet), "grafana_dashboard": "1"}},
        }
    ]
    return _component(
        fleet,
        "monitoring",
        {"service-monitor.yaml": network.monitor(fleet), "alerts.yaml": alerts.rule(fleet)},
        more={"configMapGenerator": Why(generator, "Grafana's sidecar finds dashboards by this label.")},
    ) | {
        "components/monitoring/dashboard.json": dashboard.dashboard(fleet),
        "cluster/alerts.rules.yaml": to_yaml(
            Why(alerts.groups(fleet), "The alerts as a rule file, for a Prometheus without the operator: promtool check rules.")
        ),
    }


def _component(
    fleet: Fleet,
    name: str,
    manifests: dict[str, Any],
    patches: dict[str, list[Any]] | None = None,
    more: dict[str, Any] | None = None,
) -> dict[str, str]:
    folder = f"components/{name}"
    files_of = {f"{folder}/{path}": to_yaml(manifest) for path, manifest in manifests.items()}
    kustomization: dict[str, Any] = {**_COMPONENT, "resources": sorted(manifests), **(more or {})}
    for kind, patch in (patches or {}).items():
        path = f"{kind.lower()}-patch.yaml"
        files_of[f"{folder}/{path}"] = to_yaml(patch)
        kustomization.setdefault("patches", []).append({"path": path, "target": {"kind": kind, "name": fleet.name}})
    return files_of | {f"{folder}/kustomization.yaml": to_yaml(kustomization)}


def _overlay(fleet: Fleet, name: str, patch: list[Any], gpu: bool = False) -> dict[str, str]:
    # KEDA's object must be there before Argo's component points it elsewhere.
    chosen = [
        "monitoring",
        *(["keda"] if fleet.autoscaling == "keda" else []),
        *(["argo-rollouts"] if fleet.argo_rollouts else []),
    ]
    kustomization: dict[str, Any] = {
        **_KUSTOMIZATION,
        "namespace": fleet.namespace,
        "resources": ["../../base"],
        "components": [f"../../components/{one}" for one in chosen],
        "patches": [{"path": "patch.yaml", "target": {"kind": "Deployment", "name": fleet.name}}],
    }
    result = {f"overlays/{name}/patch.yaml": to_yaml(patch)}
    if gpu and fleet.batched:
        kustomization["configMapGenerator"] = [
            {"name": config_map(fleet), "behavior": "merge", "files": [server_files.BATCHING]}
        ]
        result[f"overlays/{name}/{server_files.BATCHING}"] = server_files.threads_config(fleet, gpu=True)
    return result | {f"overlays/{name}/kustomization.yaml": to_yaml(kustomization)}


def _kserve(fleet: Fleet) -> dict[str, str]:
    config = {server_files.MONITORING: server_files.monitoring_config()}
    result = {"kserve/service-account.yaml": to_yaml(network.account(fleet))}
    for name, model in fleet.models.items():
        result[f"kserve/{kserve.resource(fleet, name)}.yaml"] = to_yaml(
            kserve.runtime(fleet, name), kserve.service(fleet, name)
        )
        if model.batching:
            threads = server_files.threads_config(fleet, gpu=fleet.gpu is not None)
            config[server_files.batching_file(name)] = threads + server_files.model_batching(model.batching)
    kustomization = {
        **_KUSTOMIZATION,
        "namespace": fleet.namespace,
        "resources": sorted(files.name(path) for path in result),
        "configMapGenerator": Why(
            [
                {
                    "name": config_map(fleet),
                    "files": [f"config/{name}" for name in sorted(config)],
                    "options": {"disableNameSuffixHash": True, "labels": labels(fleet)},
                }
            ],
            "Without a hash: kustomize does not know that a ServingRuntime names it.",
        ),
    }
    return (
        result
        | {f"kserve/config/{name}": text for name, text in config.items()}
        | {"kserve/kustomization.yaml": to_yaml(kustomization)}
    )
