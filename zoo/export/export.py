"""Writes the SavedModel of a ranking model."""

from __future__ import annotations

import shutil
from pathlib import Path

from zoo.export.description import describe
from zoo.export.inputs import Transform
from zoo.export.servable import ServableRanker
from zoo.keras import tf
from zoo.models.base import RankingModel


def export_model(model: RankingModel, transform: Transform, path: str | Path) -> None:
    """Writes the SavedModel with its five signatures and, in `assets.extra`, what builds the model again.

    Args:
        model: a trained ranking model.
        transform: see `ServableRanker`.
        path: folder to make; an existing one is replaced.

    Example:
        >>> export_model(model, tft_output.transform_features_layer(), "runs/model/1")
        >>> load_model("runs/model/1")
    """
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    servable = ServableRanker(model, transform)
    signatures = servable.signatures()
    servable.track(signatures)
    tf.saved_model.save(servable, str(path), signatures=signatures)
    describe(model, str(path))
