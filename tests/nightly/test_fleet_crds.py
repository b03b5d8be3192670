"""What `zoo fleet render` writes for operators is what their own full schemas take; the schemas come as Go modules."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from serving.fleet.render import render
from tests.serving.fleet.built import build
from tests.serving.fleet.descriptions import ALL, described

# kind -> (Go module, release, file of the definition)
DEFINITIONS = {
    "InferenceService": ("github.com/kserve/kserve", "v0.20.0", "config/crd/full/serving.kserve.io_inferenceservices.yaml"),
    "ServingRuntime": ("github.com/kserve/kserve", "v0.20.0", "config/crd/full/serving.kserve.io_servingruntimes.yaml"),
    "Rollout": ("github.com/argoproj/argo-rollouts", "v1.8.3", "manifests/crds/rollout-crd.yaml"),
    "AnalysisTemplate": ("github.com/argoproj/argo-rollouts", "v1.8.3", "manifests/crds/analysis-template-crd.yaml"),
    "ScaledObject": ("github.com/kedacore/keda/v2", "v2.16.1", "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "ServiceMonitor": (
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "example/prometheus-operator-crd-full/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "PrometheusRule": (
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "example/prometheus-operator-crd-full/monitoring.coreos.com_prometheusrules.yaml",
    ),
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def strict(schema: Any) -> Any:
    """The schema, which takes no field that it does not name, as an API server with `fieldValidation=Strict`."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(one) for key, one in schema.items()}
    if (
        isinstance(schema.get("properties"), dict)
        and "additionalProperties" not in schema
        and not schema.get("x-kubernetes-preserve-unknown-fields")
        and schema.get("type") == "object"
    ):
        result["additionalProperties"] = False
    return result


@pytest.fixture(scope="module")
def modules() -> dict[str, Path]:
    """Folders of the modules."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, and the definitions come as Go modules")
    found: dict[str, Path] = {}
    for module, release, _ in DEFINITIONS.values():
        if module not in found:
            said = subprocess.run(
                ["go", "mod", "download", "-json", f"{module}@{release}"], capture_output=True, text=True, cwd="/", check=False
            )
            assert said.returncode == 0, said.stdout + said.stderr
            found[module] = Path(json.loads(said.stdout)["Dir"])
    return found


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_operators_take_the_objects(kind, modules):
    module, _, path = DEFINITIONS[kind]
    definition = yaml.load((modules[module] / path).read_text(encoding="utf-8"), _LOADER)
    schemas = {
        f"{definition['spec']['group']}/{version['name']}": version["schema"]["openAPIV3Schema"]
        for version in definition["spec"]["versions"]
    }
    seen = 0
    for values in ALL.values():
        texts = render(described(base=values))
        folders = {path.rsplit("/", 1)[0] for path in texts if path.startswith(("overlays/", "kserve/kust"))}
        for entry in (entry for folder in sorted(folders) for entry in build(texts, folder) if entry["kind"] == kind):
            schema = strict(schemas[entry["apiVersion"]])
            schema["properties"]["metadata"] = {"type": "object"}
            validator = jsonschema.Draft7Validator(schema)
            faults = [f"{'.'.join(map(str, fault.absolute_path))}: {fault.message}" for fault in validator.iter_errors(entry)]
            assert not faults, faults
            broken = {**entry, "spec": {**entry["spec"], "misspelt": 1}}
            assert list(validator.iter_errors(broken)), "the schema refuses what it does not know"
            seen += 1
    assert seen
