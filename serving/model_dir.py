"""What a client can read from an exported model's folder, local or remote."""

from __future__ import annotations

from dataclasses import dataclass

from serving.errors import ServingError
from zoo import files
from zoo.config import load_yaml, parse
from zoo.model_files import MODEL_FILE, SCHEMA_FILE
from zoo.schema import Schema
from zoo.traits import Traits
from zoo.versions import SAVED_MODEL, has_model, newest_version


@dataclass(frozen=True)
class ExportedModel:
    """What a SavedModel of this zoo says of itself.

    Args:
        path: the SavedModel.
        schema: the schema that it was exported with.
        traits: its stage, and what its scores depend on.
        by_id: whether it keeps the items itself, so that candidates are named and no more.
    """

    path: str
    schema: Schema
    traits: Traits
    by_id: bool = False


def exported_model(path: files.PathLike) -> ExportedModel:
    """Reads what a client needs to know of an exported model.

    Args:
        path: a SavedModel, or a folder of versions, whose newest is read.

    Returns:
        Its schema and traits. A model of before traits were written is a point-wise fine ranker.

    Raises:
        ServingError: there is no model, or it carries no schema.
        ConfigError: a file of it can't be read; names the key.
    """
    model = _saved_model(path)
    schema, description = files.join(model, SCHEMA_FILE), files.join(model, MODEL_FILE)
    if not files.is_file(schema):
        raise ServingError(f"{model}: no {SCHEMA_FILE}; export the model with this zoo, or name a schema file")
    said = load_yaml(description) if files.is_file(description) else {}
    return ExportedModel(model, Schema.load(schema), parse(Traits, said.get("traits"), f"{description}: traits"),
                         said.get("item_table") is not None)


def schema_of_model(path: files.PathLike) -> Schema:
    """The schema of an exported model; see `exported_model`."""
    return exported_model(path).schema


def _saved_model(path: files.PathLike) -> str:
    if has_model(path):
        return files.normal(path)
    newest = newest_version(path)
    if newest is None:
        raise ServingError(f"{path}: no SavedModel here, neither {SAVED_MODEL} nor <version>/{SAVED_MODEL}; "
                           "name the folder of an exported model")
    return newest.path
