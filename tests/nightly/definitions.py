"""The full schemas by which operators of Kubernetes check their objects; they come as Go modules."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Definition(NamedTuple):
    """Where a custom resource is defined: a Go module, its release, and the file in it."""

    module: str
    release: str
    path: str


def downloaded(definitions: Iterable[Definition]) -> dict[str, Path]:
    """Folders of the modules."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, and the definitions come as Go modules")
    found: dict[str, Path] = {}
    for module, release, _ in definitions:
        if module not in found:
            said = subprocess.run(
                ["go", "mod", "download", "-json", f"{module}@{release}"], capture_output=True, text=True, cwd="/", check=False)
            assert said.returncode == 0, said.stdout + said.stderr
            found[module] = Path(json.loads(said.stdout)["Dir"])
    return found


def validators(definition: Definition, modules: dict[str, Path]) -> dict[str, jsonschema.Draft7Validator]:
    """By `apiVersion`, what the operator takes."""
    return validators_of(yaml.load((modules[definition.module] / definition.path).read_text(encoding="utf-8"), _LOADER))


def validators_of(text: dict[str, Any]) -> dict[str, jsonschema.Draft7Validator]:
    """By `apiVersion`, what the operator takes whose definition this is."""
    found = {}
    for version in text["spec"]["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        # Every object has them, whether its definition says so or not.
        schema["properties"] |= {"metadata": {"type": "object"}, "apiVersion": {"type": "string"}, "kind": {"type": "string"}}
        found[f"{text['spec']['group']}/{version['name']}"] = jsonschema.Draft7Validator(schema)
    return found


def check(entry: dict[str, Any], known: dict[str, jsonschema.Draft7Validator]) -> None:
    """That the operator takes an object, and would not take one with a field that it does not know."""
    validator = known[entry["apiVersion"]]
    faults = [f"{'.'.join(map(str, fault.absolute_path))}: {fault.message}" for fault in validator.iter_errors(entry)]
    assert not faults, faults
    broken = {**entry, "spec": {**entry["spec"], "misspelt": 1}}
    assert list(validator.iter_errors(broken)), "the schema refuses what it does not know"


def _strict(schema: Any) -> Any:
    """The schema, which takes no field that it does not name, as an API server with `fieldValidation=Strict`."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _strict(one) for key, one in schema.items()}
    if (isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema
            and not schema.get("x-kubernetes-preserve-unknown-fields") and schema.get("type") == "object"):
        result["additionalProperties"] = False
    return result
