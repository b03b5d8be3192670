"""Rendered manifests are what Kubernetes takes, and agree with each other."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import kubernetes_validate
import pytest

from serving.fleet import flags, overlays
from serving.fleet.description import pinned
from serving.fleet.names import SYNC_PORT
from serving.fleet.readiness import SECONDS
from serving.fleet.render import left_out, render
from tests.serving.fleet.built import build, documents, one
from tests.serving.fleet.descriptions import ALL, FULL, TLS, described

KUBERNETES = "1.33"
# Kinds of others, whose schemas `make nightly` fetches.
CUSTOM = {
    "InferenceService",
    "PrometheusRule",
    "Rollout",
    "AnalysisTemplate",
    "ScaledObject",
    "ServiceMonitor",
    "ServingRuntime",
}
OWN = {
    "ConfigMap",
    "Deployment",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
}
RENDERED = {name: render(described(base=values)) for name, values in ALL.items()}
BUILDS = [
    (name, path.removesuffix("/kustomization.yaml"))
    for name, texts in RENDERED.items()
    for path in texts
    if re.fullmatch(r"(base|overlays/.*|kserve)/kustomization.yaml", path)
]


@pytest.fixture(params=BUILDS, ids="/".join)
def objects(request) -> list[dict[str, Any]]:
    name, folder = request.param
    return build(RENDERED[name], folder)


def containers(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """All containers of an object, wherever its pod stands."""
    spec = entry.get("spec", {})
    pod = spec.get("template", {}).get("spec", spec)
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def test_kubernetes_takes_the_objects(monkeypatch):
    # The library reads its definitions, some MB, at every call.
    monkeypatch.setattr(
        kubernetes_validate.utils, "schema_contents", functools.cache(kubernetes_validate.utils.schema_contents)
    )
    distinct: dict[str, dict[str, Any]] = {}
    for name, folder in BUILDS:
        own = {json.dumps(entry): entry for entry in build(RENDERED[name], folder) if entry["kind"] not in CUSTOM}
        assert own, "something is Kubernetes' own"
        distinct |= own
    assert {entry["kind"] for entry in distinct.values()} == OWN
    for entry in distinct.values():
        kubernetes_validate.validate(entry, KUBERNETES, strict=True)


def test_a_misspelt_field_is_refused():
    deployment = one(build(RENDERED["small"], "base"), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_containers_are_limited_pinned_and_hardened(objects):
    for container in (container for entry in objects for container in containers(entry)):
        limits, security = container["resources"]["limits"], container["securityContext"]
        assert {"cpu", "memory"} <= set(limits), container["name"]
        assert pinned(container["image"])
        assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_pods_are_not_root(objects):
    for entry in objects:
        if entry["kind"] == "Deployment":
            assert entry["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
        if entry["kind"] == "ServingRuntime":
            assert entry["spec"]["containers"][0]["securityContext"]["runAsNonRoot"]


def test_selectors_find_the_pods_and_nothing_else_is_named_amiss(objects):
    deployments = [entry for entry in objects if entry["kind"] == "Deployment"]
    if not deployments:
        return
    deployment = one(objects, "Deployment")
    pods = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(entry["spec"]["selector"] for entry in objects if entry["kind"] == "Service"),
        *(entry["spec"]["selector"]["matchLabels"] for entry in objects if entry["kind"] == "Rollout"),
    ]
    assert len(selectors) >= 5 and all(selector and selector.items() <= pods.items() for selector in selectors)
    for monitor in (entry for entry in objects if entry["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        found = [entry for entry in objects if entry["kind"] == "Service" and wanted <= entry["metadata"]["labels"].items()]
        assert [entry["metadata"]["name"] for entry in found] == ["ranking-metrics"], "each server is scraped once"
        assert found[0]["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "ranking", "the job that queries ask for"
    ports = {port["name"] for container in containers(deployment) for port in container.get("ports", [])}
    for entry in objects:
        if entry["kind"] == "Service":
            assert {port["targetPort"] for port in entry["spec"]["ports"]} <= ports
    volumes = {volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    for container in containers(deployment):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_files_that_arguments_name_are_in_the_config_map(objects):
    data = one(objects, "ConfigMap", "ranking-config")["data"]
    for container in (container for entry in objects for container in containers(entry)):
        named = re.findall(r"/config/([\w.-]+)", " ".join(map(str, container["args"])))
        assert named and set(named) <= set(data), container["name"]


def test_what_scales_is_what_runs(objects):
    scalers = [entry for entry in objects if entry["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    for scaler in scalers:
        target = scaler["spec"]["scaleTargetRef"]
        found = one(objects, target["kind"], target["name"])
        assert found["apiVersion"] == target["apiVersion"]
        assert "replicas" not in found["spec"], "an apply would set the count back"


@pytest.mark.parametrize("name", ALL)
def test_the_same_description_gives_the_same_bytes(name):
    assert render(described(base=ALL[name])) == RENDERED[name]
    assert list(RENDERED[name]) == sorted(RENDERED[name])


@pytest.mark.parametrize("name", ALL)
def test_every_yaml_is_yaml_with_its_own_names(name):
    for path, text in RENDERED[name].items():
        if path.endswith(".yaml"):
            assert documents(text) or "patch" in path, path


def test_models_are_never_read_from_a_store():
    for texts in RENDERED.values():
        for path, text in texts.items():
            if path.endswith("models.config"):
                assert not re.search(r"base_path: \"(?!/models/)", text)


def test_a_server_outlives_its_clients_connections():
    deployment = one(build(RENDERED["full"], "base"), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    server, sync = pod["containers"]
    age = int(re.search(r"max_connection_age_ms=(\d+)", " ".join(server["args"]))[1]) / 1000
    grace = int(re.search(r"max_connection_age_grace_ms=(\d+)", " ".join(server["args"]))[1]) / 1000
    asleep = int(server["lifecycle"]["preStop"]["exec"]["command"][1])
    assert asleep >= age + 30 and pod["terminationGracePeriodSeconds"] > asleep + grace
    assert deployment["spec"]["minReadySeconds"] >= age
    assert sync["readinessProbe"]["httpGet"]["port"] == "sync" and sync["ports"][0]["containerPort"] == SYNC_PORT
    assert all(sync[probe]["timeoutSeconds"] > SECONDS for probe in ("startupProbe", "readinessProbe")), "time for its answer"
    assert "readinessProbe" not in server, "its port and its health service say nothing of the models"


def test_gpus_come_by_overlay_alone():
    texts, fleet = RENDERED["full"], described(base=FULL)
    for folder in ("base", "overlays/cpu"):
        server = one(build(texts, folder), "Deployment")["spec"]["template"]["spec"]["containers"][0]
        assert not any("gpu" in str(part) for part in (server["args"], server["image"], server["resources"]))
    assert left_out(fleet) == [] and len(overlays.ways(fleet)) == 4
    for way in overlays.ways(fleet):
        built = build(texts, f"overlays/{way.overlay}")
        server = one(built, "Deployment")["spec"]["template"]["spec"]["containers"][0]
        assert server["resources"]["limits"][way.resource] == 1 and server["image"].endswith("-gpu")
        assert "--xla_gpu_compilation_enabled=true" in server["args"]
        fraction = float(re.search(r"gpu_memory_fraction=([\d.]+)", " ".join(server["args"]))[1])
        assert fleet.models_gib <= fraction * way.of_gib <= way.gib, "room for the models, within its share"
        assert "value: 2" in one(built, "ConfigMap", "ranking-config")["data"]["batching.config"]
    assert "num_batch_threads {\n  value: 4" in texts["base/config/batching.config"]


def test_an_overlay_without_room_is_left_out_with_the_reason():
    fleet = described({"gpu": {"memory_gib": 16, "mig_profile": "1g.5gb", "shared_by": 4}})
    assert "overlays/gpu/patch.yaml" in render(fleet) and "overlays/gpu-mig/patch.yaml" not in render(fleet)
    reasons = left_out(fleet)
    assert [reason.split(":")[0] for reason in reasons] == ["overlays/gpu-mig", "overlays/gpu-time-slicing", "overlays/gpu-mps"]
    assert "the models need 5 GiB" in reasons[0] and "4.5" in reasons[0]


def test_memory_has_room_for_a_version_that_loads():
    fleet = described(base=FULL)
    # din: 2 versions and one more, two_towers: the same, rerank: 1 and one more; 1 GiB for the server.
    assert fleet.memory_gib == 2.5 * 3 + 1 * 3 + 0.5 * 2 + 1
    server = one(build(RENDERED["full"], "base"), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert server["resources"]["limits"]["memory"] == "12800Mi"


def test_flags_are_there_when_wanted_only():
    def named(values):
        server = one(build(render(described(values)), "overlays/cpu"), "Deployment")["spec"]["template"]["spec"]["containers"][
            0
        ]
        return {argument.split("=")[0].removeprefix("--") for argument in server["args"]}

    batching, labels = (
        {"models": {"din": {"batching": {}}}},
        {"models": {"din": {"versions": {"specific": [3]}, "labels": {"a": 3}}}},
    )
    xla = {"models": {"din": {"tried_with_xla": True}}, "server": {"xla": True}}
    always = named({})
    assert always == {flag.name for flag in (*flags.PORTS, *flags.COMMON, *flags.MODELS) if flag.when == "always"}
    assert named(batching) - always == {"enable_batching", "batching_parameters_file", "enable_per_model_batching_parameters"}
    assert named(labels) - always == {"allow_version_labels_for_unavailable_models"}
    assert named(xla) - always == {"xla_cpu_compilation_enabled"}


@pytest.mark.parametrize("mutual", [True, False])
def test_tls_comes_by_a_secret_and_its_key_never_to_a_disk(mutual):
    texts = render(described({"tls": {"mutual": mutual}}, base=TLS))
    objects = build(texts, "overlays/cpu")
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["tls"]["secret"]["secretName"] == "ranking-tls" and volumes["ssl"]["emptyDir"]["medium"] == "Memory"
    (first,), (server, sync) = pod["initContainers"], pod["containers"]
    mounts = [{mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
              for container in (first, server, sync)]
    assert "--ssl_config_file=/ssl/ssl.config" in server["args"] and "--ssl-config=/ssl/ssl.config" in first["args"]
    assert mounts[0]["/ssl"] is False and mounts[1]["/ssl"] is True and "/tls" not in mounts[1], "the server has its own form"
    assert mounts[0]["/tls"] and mounts[2]["/tls"] and "/ssl" not in mounts[2]
    named = {argument.split("=")[0] for argument in sync["args"]}
    assert ("--verify-clients" in first["args"]) == mutual == ("--tls-cert" in named)
    assert {"--tls-ca=/tls/ca.crt", "--tls-name=ranking.shop"} <= set(sync["args"])
    ports = one(objects, "Service")["spec"]["ports"]
    assert [port.get("appProtocol") for port in ports] == ["https", None]
    clear = one(build(RENDERED["follows"], "base"), "Deployment")
    assert "tls" not in json.dumps(clear) and "ssl" not in json.dumps(clear)


def test_kserve_has_its_own_runtime_and_its_canary():
    built = build(RENDERED["full"], "kserve")
    service = one(built, "InferenceService", "ranking-din")
    stable, canary = service["spec"]["predictor"], service["spec"]["canary"][0]
    assert canary["trafficPercent"] == 5 and canary["predictor"]["name"] != stable["name"]
    assert (
        stable["model"]["storageUri"] == "gs://models/din/3"
        and canary["predictor"]["model"]["storageUri"] == "gs://models/din/4"
    )
    runtime = one(built, "ServingRuntime", stable["model"]["runtime"])
    arguments = runtime["spec"]["containers"][0]["args"]
    assert any("monitoring_config_file" in argument for argument in arguments)
    assert "--enable_batching=true" in arguments
    assert "--enable_batching=true" not in one(built, "ServingRuntime", "ranking-rerank")["spec"]["containers"][0]["args"]
    assert (
        one(build(RENDERED["volume"], "kserve"), "InferenceService", "ranking-din")["spec"]["predictor"]["model"]["storageUri"]
        == "pvc://models/din/3"
    )
