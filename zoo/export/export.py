"""Writes the SavedModel of a ranking model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from zoo.config import ConfigError
from zoo.data.catalogue import Catalogue
from zoo.export.add_items import add_items
from zoo.export.description import describe
from zoo.export.inputs import Transform
from zoo.export.item_table import IDS_FILE, write_ids
from zoo.export.model_description import Precision
from zoo.export.servable import ServableRanker
from zoo.export.servable_by_id import ServableById
from zoo.keras import tf
from zoo.models.base import RankingModel


def export_model(model: RankingModel, transform: Transform, path: str | Path, item_table: Precision | None = None,
                 catalogue: Catalogue | None = None) -> None:
    """Writes the SavedModel with its signatures and, in `assets.extra`, what builds the model again.

    Args:
        model: a trained ranking model.
        transform: see `ServableRanker`.
        path: folder to make; an existing one is replaced.
        item_table: keep what `encode_candidates` makes of items, in this precision, so that `rank` takes ids of candidates and
            no more; for models that say so (`Traits.keeps_items`).
        catalogue: of the items to keep, each as its last row says; others can be added afterwards (`add_items`).

    Raises:
        ConfigError: the model keeps no items, or something that can't be kept.
        CatalogueError: the catalogue has other columns than the model reads.

    Example:
        >>> export_model(model, tft_output.transform_features_layer(), "runs/model/1")
        >>> load_model("runs/model/1")
    """
    if item_table and not model.traits.keeps_items:
        raise ConfigError(f"{type(model).__name__} keeps no items: a table of them is for point-wise coarse rankers whose "
                          "encode_candidates reads what belongs to the item alone (Traits)")
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        if item_table:
            ids = f"{folder}/{IDS_FILE}"
            write_ids(ids, [])
            servable = ServableById(model, transform, item_table, ids)
        else:
            servable = ServableRanker(model, transform)
        signatures = servable.signatures()
        servable.track(signatures)
        tf.saved_model.save(servable, str(path), signatures=signatures)
    describe(model, str(path), item_table)
    if item_table and catalogue is not None:
        add_items(path, catalogue)
