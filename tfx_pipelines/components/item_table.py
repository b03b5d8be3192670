"""Fills the item table of a coarse ranker from a log's catalogue: after training, or for new items without it."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import tempfile

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from tfx_pipelines.imported_log import imported_log
from zoo import files
from zoo.data.catalogue import CATALOGUE_FILE
from zoo.data.catalogue_writer import write_catalogue_table
from zoo.export.add_items import add_items
from zoo.export.new_version import read_catalogue
from zoo.model_files import SCHEMA_FILE
from zoo.schema import Schema

ITEMS = "items"


@component
def ItemTable(
    model: InputArtifact[Model],
    examples: InputArtifact[Examples],
    filled: OutputArtifact[Model],
    log: Parameter[str],
):
    """Gives a model the items of a catalogue, each as its last row says, and forgets all others.

    Graph and weights are those of `model`, be it the Trainer's or the one that serves today (`LatestPushedModel`).

    Args:
        model: of a ranker that keeps items.
        examples: of the log; where it was imported from raw files, the log lies in this artifact.
        filled: the same model with the items, and the catalogue beside it; its custom property says how many `items`.
        log: folder of the request log; "" for the one beside the examples.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = files.join(folder, "model")
        files.copy(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)), copy)
        catalogue = read_catalogue(log or imported_log(examples.uri), Schema.load(f"{copy}/{SCHEMA_FILE}"))
        changed = add_items(copy, catalogue, replace=True)
        write_catalogue_table(files.join(filled.uri, CATALOGUE_FILE), catalogue.schema, catalogue.table)
        filled.set_int_custom_property(ITEMS, changed.added + changed.renewed)
        files.copy(copy, path_utils.serving_model_path(filled.uri))


__all__ = ["ITEMS", "ItemTable"]
