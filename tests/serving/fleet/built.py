"""What kustomize makes of rendered files, as far as they use it: resources, components, patches, generated ConfigMaps."""

from __future__ import annotations

import posixpath
from typing import Any

import jsonpatch
import yaml


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def build(texts: dict[str, str], folder: str) -> list[dict[str, Any]]:
    """All objects of a kustomization."""
    objects: list[dict[str, Any]] = []
    _into(texts, folder, objects)
    return objects


def _into(texts: dict[str, str], folder: str, objects: list[dict[str, Any]]) -> None:
    told = yaml.safe_load(texts[f"{folder}/kustomization.yaml"])
    for path in [*told.get("resources", []), *told.get("components", [])]:
        path = posixpath.normpath(posixpath.join(folder, path))
        if f"{path}/kustomization.yaml" in texts:
            _into(texts, path, objects)
        else:
            objects += documents(texts[path])
    for generated in told.get("configMapGenerator", []):
        data = {posixpath.basename(path): texts[posixpath.join(folder, path)] for path in generated["files"]}
        if generated.get("behavior") == "merge":
            one(objects, "ConfigMap", generated["name"])["data"].update(data)
        else:
            objects.append(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "data": data,
                    "metadata": {"name": generated["name"], "labels": generated["options"]["labels"]},
                }
            )
    for patch in told.get("patches", []):
        changed = one(objects, patch["target"]["kind"], patch["target"]["name"])
        changed.update(jsonpatch.apply_patch(changed, yaml.safe_load(texts[posixpath.join(folder, patch["path"])])))


def one(objects: list[dict[str, Any]], kind: str, name: str = "ranking") -> dict[str, Any]:
    """The only object of a kind and name."""
    found = [entry for entry in objects if entry["kind"] == kind and entry["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]
