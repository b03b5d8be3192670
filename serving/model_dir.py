"""What a client can read from an exported model's folder."""

from __future__ import annotations

from pathlib import Path

from serving.errors import ServingError
from zoo.schema import Schema

EXTRA_ASSETS = "assets.extra"
SCHEMA_FILE = f"{EXTRA_ASSETS}/schema.yaml"


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


def schema_of_model(path: str | Path) -> Schema:
    """The schema that a model was exported with.

    Args:
        path: a SavedModel, or a folder of versions, whose newest is read.

    Raises:
        ServingError: there is no model, or it carries no schema.
    """
    model = newest_version(path)
    if not (model / SCHEMA_FILE).is_file():
        raise ServingError(f"{model}: no {SCHEMA_FILE}; export the model with this zoo, or name a schema file")
    return Schema.load(model / SCHEMA_FILE)
