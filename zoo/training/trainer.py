"""A whole training: epochs, the choice of the best one on validation, and going on where it was interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.assets import Assets
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import Schema
from zoo.training.config import TrainingConfig
from zoo.training.run import TrainingRun
from zoo.training.split import TrainingFiles
from zoo.training.warm_start import WarmStart


@dataclass(frozen=True)
class TrainingResult:
    """A trained model and how it got there.

    Args:
        model: with the weights of the best epoch.
        history: one entry an epoch: `epoch`, `loss`, `seconds`, `validation` (metrics of the first task).
        best_epoch: the epoch whose weights were kept, from 1.
    """

    model: RankingModel
    history: list[dict[str, Any]]
    best_epoch: int


def train(name: str, schema: Schema, train_files: Sequence[str], validation_files: Sequence[str], *,
          config: TrainingConfig, model_config: dict[str, Any] | None = None, assets: Assets | None = None,
          checkpoints: str | None = None, begin: WarmStart | None = None,
          on_progress: Callable[[str], None] = lambda line: None) -> TrainingResult:
    """Trains a model of the zoo and keeps the epoch that is best on the validation split.

    Args:
        name: of the model in the registry.
        schema: bound to its vocabularies.
        train_files: transformed examples to learn from.
        validation_files: transformed examples that choose the epoch; never the ones reported on.
        config: of the run.
        model_config: settings of the model.
        assets: files that the model reads (vocabularies, pre-trained tables).
        checkpoints: folder for checkpoints; a training that was stopped at any step (SIGKILL) and is called again in the same
            way goes on from the last of them, and ends with the model that an uninterrupted one ends with. None keeps none.
        begin: the weights to go on from; fresh ones by default.
        on_progress: called with one line an epoch.

    Returns:
        A `TrainingResult`. The same seed gives the same weights and metrics on a CPU.

    Raises:
        CheckpointError: the folder holds checkpoints of another training.
        FloatingPointError: validation is NaN in every epoch.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    model = registry.build(name, schema, model_config, assets)
    model.make_variables()
    if begin is not None:
        begin.begin(model)
    kept = (checkpoints, _identity(name, schema, train_files, config, model_config, begin and model)) if checkpoints else None
    if config.machines is not None:
        from zoo.training.machines.train import train_on_machines  # imported here: few trainings are divided

        result = train_on_machines(model, config.machines, on_progress, name=name, data_schema=schema, config=config,
                                   train_files=tuple(train_files), validation_files=tuple(validation_files),
                                   settings=model_config or {}, assets=dict(assets or {}), kept=kept)
        return TrainingResult(model, **result)
    run = TrainingRun(model, config, TrainingFiles(schema, tuple(train_files), config), kept, on_progress)
    run.complete(validation_files)
    return TrainingResult(model, run.history, run.best_epoch)


def _identity(name: str, schema: Schema, files: Sequence[str], config: TrainingConfig,
              model_config: dict[str, Any] | None, begun: RankingModel | None) -> str:
    """A digest of what a training is; two with the same end with the same model. `begun` has the weights that it goes on from;
    fresh ones follow from the seed."""
    sizes = [tf.io.gfile.stat(file).length for file in files]
    parts = [name, schema.model_dump(mode="json"), sizes, config.model_dump(mode="json"), model_config or {}]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for weight in begun.get_weights() if begun else ():
        digest.update(weight.tobytes())
    return digest.hexdigest()
