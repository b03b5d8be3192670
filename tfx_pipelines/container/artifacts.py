"""TFX's artifacts from what a platform gives a step, and back to what it takes.

Kubeflow's launcher says less of an artifact than TFX's runners do: an input has a name (its number in the metadata store), a
URI and metadata, but no type; numbers are floats; lists and mappings are wrapped. The compiled component says the types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import yaml
from google.protobuf import struct_pb2
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact import CUSTOM_PROPERTIES_PREFIX, Artifact
from tfx.types.experimental import simple_artifacts

from tfx_pipelines import artifacts as own_artifacts
from tfx_pipelines.lineage import ORIGIN

_TFX, _GENERIC = "tfx.", "system."
# What steps of other authors call the same things.
_KNOWN_GENERIC: dict[str, type[Artifact]] = {
    "system.Model": standard_artifacts.Model, "system.Dataset": standard_artifacts.Examples}
# Types of ours are known by their own names.
_OWN = {one.TYPE_NAME: one for one in vars(own_artifacts).values()
        if isinstance(one, type) and issubclass(one, Artifact) and one is not Artifact}
_LARGEST_ID = 1 << 63
# Protocol buffers that are made at run time, which type checkers do not see.
_stored: Any = metadata_store_pb2


class ArtifactTypeError(ValueError):
    """Nobody says what type an artifact has."""


def title(kind: Mapping[str, Any] | None) -> str:
    """The title of an artifact's type, "" where there is none.

    Args:
        kind: an `ArtifactTypeSchema` as JSON: a title, or an instance schema in YAML, which may be empty.
    """
    kind = kind or {}
    if kind.get("schemaTitle"):
        return kind["schemaTitle"]
    described = yaml.safe_load(kind.get("instanceSchema") or "")
    return str(described.get("title", "")) if isinstance(described, Mapping) else ""


def class_of(name: str, *kinds: Mapping[str, Any] | None) -> type[Artifact]:
    """The class of an artifact by the first of these types that says one.

    Args:
        name: of the input or output, for the message.
        kinds: as of `title`; the compiled component's first, since the platform may know the artifact as `system.Artifact`.

    Raises:
        ArtifactTypeError: none of them does.
    """
    titles = [title(kind) for kind in kinds]
    for one in titles:
        if one.startswith(_TFX):
            for module in (standard_artifacts, simple_artifacts):
                found = getattr(module, one.removeprefix(_TFX), None)
                if isinstance(found, type) and issubclass(found, Artifact):
                    return found
        if one in _KNOWN_GENERIC or one in _OWN:
            return (_KNOWN_GENERIC | _OWN)[one]
    said = ", ".join(filter(None, titles)) or "nothing"
    raise ArtifactTypeError(f"artifact {name!r}: its type is said to be {said}, and TFX has no such type; compile the pipeline "
                            "with this version of the package")


def read(given: Mapping[str, Any], of_class: type[Artifact], uri: str, names: dict[int, str]) -> Artifact:
    """An artifact of TFX.

    Args:
        given: a `RuntimeArtifact` as JSON.
        of_class: of the artifact.
        uri: where the executor finds it.
        names: gets the platform's name of the artifact by the number that TFX knows it by.
    """
    result = of_class()
    stored = _stored.Artifact(uri=uri)
    if given.get("name"):
        stored.id = identity(given["name"])
        names[stored.id] = given["name"]
    declared = _declared(result)
    for key, value in _metadata(given).items():
        kind = declared.get(key)
        if kind == _stored.INT and isinstance(value, int | float):
            stored.properties[key].int_value = int(value)
        elif kind == _stored.DOUBLE and isinstance(value, int | float):
            stored.properties[key].double_value = value
        elif kind == _stored.STRING and isinstance(value, str):
            stored.properties[key].string_value = value
        else:
            own = key.removeprefix(CUSTOM_PROPERTIES_PREFIX)
            # As JSON, which TFX's getters of all types read.
            stored.custom_properties[own if own in declared else key].struct_value.CopyFrom(_as_json(value))
    result.set_mlmd_artifact(stored)
    return result


def written(artifact: Artifact, uri: str) -> dict[str, Any]:
    """An artifact as the platform takes it: a `RuntimeArtifact` as JSON.

    Args:
        artifact: after the executor.
        uri: that the platform gave it.
    """
    declared = _declared(artifact)
    metadata = {key: _plain(value) for key, value in artifact.mlmd_artifact.properties.items()}
    for key, value in artifact.mlmd_artifact.custom_properties.items():
        metadata[CUSTOM_PROPERTIES_PREFIX + key if key in declared else key] = _plain(value)
    return {"uri": uri, "metadata": {key: value for key, value in metadata.items() if value is not None and key != ORIGIN}}


def properties(artifact: Artifact) -> dict[str, Any]:
    """Custom properties as they were set, whichever way the artifact came here; whole numbers are integers."""
    found = {key: _plain(value) for key, value in artifact.mlmd_artifact.custom_properties.items()}
    return {key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in found.items()}


def identity(name: str) -> int:
    """The number of an artifact: its name on Kubeflow, a digest of its name elsewhere."""
    return int(name) if name.isdigit() else int(hashlib.sha256(name.encode()).hexdigest(), 16) % _LARGEST_ID


def _declared(artifact: Artifact) -> Mapping[str, Any]:
    """The properties that an artifact's type has, and their types."""
    kind: Any = artifact.artifact_type
    return kind.properties


def _metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    """All that is said of an artifact; platforms of schema 2.0 say a part of it in the old way, each value by its type."""
    old = {key: _of_type(value) for field in ("properties", "customProperties") for key, value in given.get(field, {}).items()}
    return old | {key: _unwrapped(value) for key, value in (given.get("metadata") or {}).items()}


def _of_type(value: Mapping[str, Any]) -> Any:
    return int(value["intValue"]) if "intValue" in value else next(iter(value.values()), None)


def _unwrapped(value: Any) -> Any:
    """The launcher's metadata store keeps `{"list": [...]}` of a list, and `{"struct": {...}}` of a mapping."""
    if isinstance(value, Mapping) and len(value) == 1:
        (kind, inner), = value.items()
        if (kind == "list" and isinstance(inner, list)) or (kind == "struct" and isinstance(inner, Mapping)):
            return inner
    return value


# TFX's own form of a JSON value that is no mapping.
_SINGLE = "__value__"


def _as_json(value: Any) -> struct_pb2.Struct:
    result = struct_pb2.Struct()
    result.update(value if isinstance(value, Mapping) else {_SINGLE: value})
    return result


def _plain(value: Any) -> Any:
    """A value as JSON has it; None for one that was never set."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind != "struct_value":
        return getattr(value, kind)
    inner = _json(value.struct_value)
    return inner[_SINGLE] if set(inner) == {_SINGLE} else inner


def _json(value: Any) -> Any:
    if isinstance(value, struct_pb2.Struct):
        return {key: _json(one) for key, one in value.items()}
    if isinstance(value, struct_pb2.ListValue):
        return [_json(one) for one in value]
    return value
