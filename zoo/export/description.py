"""What builds an exported model again: `assets.extra/model.yaml`, and beside it weights and assets."""

from __future__ import annotations

import zoo
from zoo import files
from zoo.assets import Assets
from zoo.code import code_fingerprint
from zoo.export.model_description import (
    ItemTableDescription,
    ModelDescription,
    Precision,
    read_description,
    write_description,
)
from zoo.keras import tf
from zoo.model_files import ASSETS, EXTRA_ASSETS, SCHEMA_FILE, WEIGHTS
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import Schema


def describe(model: RankingModel, path: str, item_table: Precision | None = None) -> None:
    """Writes into an exported model what builds it again.

    Args:
        model: a trained model of the zoo.
        path: of the SavedModel.
        item_table: precision of its table of items, if it has one.
    """
    tf.io.gfile.makedirs(f"{path}/{EXTRA_ASSETS}")
    model.schema.save(f"{path}/{SCHEMA_FILE}")
    description = ModelDescription(name=registry.name_of(type(model)), config=model.config.model_dump(mode="json"),
                                   traits=model.traits, version=zoo.__version__,
                                   code=_code_of(type(model)),
                                   item_table=ItemTableDescription(precision=item_table) if item_table else None)
    write_description(path, description)
    tf.train.Checkpoint(model=model).write(f"{path}/{WEIGHTS}")
    model.assets.read().copy_to(f"{path}/{ASSETS}")


def _code_of(cls: type[RankingModel]) -> str:
    try:
        return code_fingerprint([cls.__module__])
    except ModuleNotFoundError:  # a model from elsewhere, whose sources are not beside the zoo's
        return ""


def load_model(path: str) -> RankingModel:
    """Builds an exported model again, with its weights, ready to be trained further, to teach, or to be looked at.

    Args:
        path: of the SavedModel (a version's folder).

    Returns:
        The model as it was trained, what only training needs included.

    Raises:
        ConfigError: the folder holds no model of this zoo, or one with settings that this version does not know.

    Example:
        >>> teacher = load_model("runs/demo/din/serving/din/1700000000")
        >>> teacher.probabilities(batch.inputs)["click"]
    """
    description = read_description(path)
    # A model without files has no folder of them where copies leave empty ones away.
    assets = Assets.from_folder(f"{path}/{ASSETS}") if files.is_dir(f"{path}/{ASSETS}") else Assets()
    model = registry.build(description.name, Schema.load(f"{path}/{SCHEMA_FILE}"), description.config, assets)
    model.make_variables()
    tf.train.Checkpoint(model=model).read(f"{path}/{WEIGHTS}").assert_existing_objects_matched().expect_partial()
    return model
