"""What `zoo fleet render` writes for operators is what their own full schemas take."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.fleet.render import render
from tests.nightly.definitions import Definition, check, downloaded, validators
from tests.serving.fleet.built import build
from tests.serving.fleet.descriptions import ALL, described

DEFINITIONS = {
    "InferenceService": Definition("github.com/kserve/kserve", "v0.20.0",
                   "config/crd/full/serving.kserve.io_inferenceservices.yaml"),
    "ServingRuntime": Definition("github.com/kserve/kserve", "v0.20.0",
                   "config/crd/full/serving.kserve.io_servingruntimes.yaml"),
    "Rollout": Definition("github.com/argoproj/argo-rollouts", "v1.8.3",
                   "manifests/crds/rollout-crd.yaml"),
    "AnalysisTemplate": Definition("github.com/argoproj/argo-rollouts", "v1.8.3",
                   "manifests/crds/analysis-template-crd.yaml"),
    "ScaledObject": Definition("github.com/kedacore/keda/v2", "v2.16.1",
                   "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "ServiceMonitor": Definition("github.com/prometheus-operator/prometheus-operator", "v0.85.0",
                   "example/prometheus-operator-crd-full/monitoring.coreos.com_servicemonitors.yaml"),
    "PrometheusRule": Definition("github.com/prometheus-operator/prometheus-operator", "v0.85.0",
                   "example/prometheus-operator-crd-full/monitoring.coreos.com_prometheusrules.yaml"),
}


@pytest.fixture(scope="module")
def modules() -> dict[str, Path]:
    return downloaded(DEFINITIONS.values())


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_operators_take_the_objects(kind, modules):
    known, seen = validators(DEFINITIONS[kind], modules), 0
    for values in ALL.values():
        texts = render(described(base=values))
        folders = {path.rsplit("/", 1)[0] for path in texts if path.startswith(("overlays/", "kserve/kust"))}
        for entry in (entry for folder in sorted(folders) for entry in build(texts, folder) if entry["kind"] == kind):
            check(entry, known)
            seen += 1
    assert seen
