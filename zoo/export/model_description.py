"""A model in words, beside its graph: `assets.extra/model.yaml`; apart from what builds it again, which knows every model."""

from __future__ import annotations

from typing import Any, Literal

from zoo.config import Config, dump_yaml, load_yaml, parse
from zoo.model_files import MODEL_FILE
from zoo.traits import Traits

Precision = Literal["float32", "float16", "int8"]


class ItemTableDescription(Config):
    """What a model keeps of items.

    Args:
        precision: of the table's numbers.
        items: how many there are.
        until: seconds since 1970 of the newest row of a catalogue that it was made from.
    """

    precision: Precision = "float32"
    items: int = 0
    until: int = 0


class ModelDescription(Config):
    """A model in words.

    Args:
        name: in the registry.
        config: all its settings.
        traits: what the rest of the cascade may rely on.
        version: of the zoo that exported it.
        code: digest of the sources that the model's module and what it imports are made of.
        item_table: where candidates are named by their ids alone, and the model has what it needs of the items.
    """

    name: str
    config: dict[str, Any] = {}
    traits: Traits = Traits()
    version: str = ""
    code: str = ""
    item_table: ItemTableDescription | None = None


def read_description(path: str) -> ModelDescription:
    """What an exported model says of itself.

    Raises:
        ConfigError: the folder holds no model of this zoo, or one that a newer version wrote.
    """
    return parse(ModelDescription, load_yaml(f"{path}/{MODEL_FILE}"), where=f"{path}/{MODEL_FILE}")


def write_description(path: str, description: ModelDescription) -> None:
    """Writes it."""
    dump_yaml(description, f"{path}/{MODEL_FILE}")
