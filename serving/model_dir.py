"""What a client can read from an exported model's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving.errors import ServingError
from zoo.config import load_yaml, parse
from zoo.schema import Schema
from zoo.traits import Traits

EXTRA_ASSETS = "assets.extra"
SCHEMA_FILE = f"{EXTRA_ASSETS}/schema.yaml"
MODEL_FILE = f"{EXTRA_ASSETS}/model.yaml"


@dataclass(frozen=True)
class ExportedModel:
    """What a SavedModel of this zoo says of itself.

    Args:
        path: the SavedModel.
        schema: the schema that it was exported with.
        traits: its stage, and what its scores depend on.
    """

    path: Path
    schema: Schema
    traits: Traits


def exported_model(path: str | Path) -> ExportedModel:
    """Reads what a client needs to know of an exported model.

    Args:
        path: a SavedModel, or a folder of versions, whose newest is read.

    Returns:
        Its schema and traits. A model of before traits were written is a point-wise fine ranker.

    Raises:
        ServingError: there is no model, or it carries no schema.
        ConfigError: a file of it can't be read; names the key.
    """
    model = newest_version(path)
    if not (model / SCHEMA_FILE).is_file():
        raise ServingError(f"{model}: no {SCHEMA_FILE}; export the model with this zoo, or name a schema file")
    traits = load_yaml(model / MODEL_FILE).get("traits") if (model / MODEL_FILE).is_file() else None
    return ExportedModel(model, Schema.load(model / SCHEMA_FILE), parse(Traits, traits, f"{model / MODEL_FILE}: traits"))


def schema_of_model(path: str | Path) -> Schema:
    """The schema of an exported model; see `exported_model`."""
    return exported_model(path).schema


def newest_version(path: str | Path) -> Path:
    """The SavedModel at `path`, or the newest version below it (`path/<number>/saved_model.pb`).

    Raises:
        ServingError: neither is there.
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return path
    versions = [child for child in path.glob("*") if child.name.isdigit() and (child / "saved_model.pb").is_file()]
    if not versions:
        raise ServingError(f"{path}: no SavedModel here, neither saved_model.pb nor <version>/saved_model.pb; "
                           "name the folder of an exported model")
    return max(versions, key=lambda child: int(child.name))
