"""A whole training: epochs, the choice of the best one on validation, and going on where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.assets import Assets
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.models.preparation import Span
from zoo.schema import Schema
from zoo.training.checkpoint import TrainingCheckpoints
from zoo.training.config import TrainingConfig
from zoo.training.dataset import read_dataset
from zoo.training.evaluate import score_dataset
from zoo.training.loop import STEPS_PER_CALL, TrainingLoop
from zoo.training.optimizers import GroupedOptimizer
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
    split = TrainingFiles(schema, tuple(train_files), config)
    validation = read_dataset(schema, validation_files, max(config.batch_size, 512), keys=True)
    kept = (checkpoints, _identity(name, schema, train_files, config, model_config, begin and model)) if checkpoints else None
    run = _Run(model, config, split, kept, on_progress)
    while not run.over:
        run.epoch()
        run.judge(score_dataset(model, validation).metrics(schema.group_key, schema.labels[0].name, schema.labels[0].kind))
    if not run.best_epoch:
        raise FloatingPointError(f"training of {name!r} diverged: validation {config.select_by} is NaN in every epoch; "
                                 "lower the learning rates")
    run.restore_best()
    return TrainingResult(model, run.history, run.best_epoch)


class _Run:
    """Where a training stands."""

    def __init__(self, model: RankingModel, config: TrainingConfig, split: TrainingFiles, kept: tuple[str, str] | None,
                 on_progress: Callable[[str], None]):
        self.model, self.config, self.split, self.on_progress = model, config, split, on_progress
        self.optimizer = GroupedOptimizer(model, config.optimizers)
        self.loop = TrainingLoop(model, self.optimizer)
        self.checkpoints = kept and TrainingCheckpoints(*kept, model, self.optimizer, self.loop, config.checkpoint_seconds)
        self.history: list[dict[str, Any]] = []
        self.best, self.best_epoch, self.best_weights = -np.inf, 0, None
        self.done, self.seconds, self.over = 0, 0.0, False  # batches and seconds of this epoch; whether there is another
        progress = self.checkpoints and self.checkpoints.restore()
        if kept is None or not progress:
            self.span = model.prepare(split)
            return
        self.span = Span(*progress["span"])
        for key in ("history", "best", "best_epoch", "done", "seconds", "over"):
            setattr(self, key, progress[key])
        on_progress(f"going on after {len(self.history)} epochs and {self.done} batches, from the checkpoint in {kept[0]}")

    def epoch(self) -> None:
        """Learns from what is left of an epoch."""
        started = time.perf_counter() - self.seconds
        if not self.done:
            self.loop.reset()
        batches = iter(self.split.batches(self.span, epoch=len(self.history), skip=self.done))
        while True:
            taken = self.loop.steps(batches)
            self.done += taken
            self.seconds = time.perf_counter() - started
            if taken < STEPS_PER_CALL:
                return
            if self.checkpoints and self.checkpoints.due():
                self._save()

    def judge(self, metrics: dict[str, float]) -> None:
        """Ends an epoch by its validation metrics."""
        config, number, loss = self.config, len(self.history) + 1, self.loop.losses()["loss"]
        self.history.append({"epoch": number, "loss": loss, "seconds": self.seconds, "validation": metrics})
        select_by = "rmse" if "rmse" in metrics else config.select_by
        value = metrics[select_by] * (-1.0 if select_by in ("logloss", "rmse") else 1.0)
        if value > self.best:
            self.best, self.best_epoch = value, number
            if self.checkpoints:
                self.checkpoints.save_best(number)
            else:
                self.best_weights = self.model.get_weights()
        self.over = number == config.epochs or number - self.best_epoch >= config.patience
        self.optimizer.scale_learning_rates(config.decay)
        took, self.done, self.seconds = self.seconds, 0, 0.0
        self._save()  # before it is told: an epoch that was seen to end is not trained again
        shown = "  ".join(f"{name.upper()} {metrics[name]:.4f}" for name in ("auc", "gauc", "rmse") if name in metrics)
        self.on_progress(f"epoch {number}/{config.epochs}  loss {loss:.4f}  validation {shown}  {took:.0f} s")

    def restore_best(self) -> None:
        """Sets the model to its best epoch."""
        if self.checkpoints:
            self.checkpoints.restore_best(self.best_epoch)
        else:
            self.model.set_weights(self.best_weights)

    def _save(self) -> None:
        if self.checkpoints:
            self.checkpoints.save(span=list(self.span), history=self.history, best=float(self.best),
                                  best_epoch=self.best_epoch, done=self.done, seconds=self.seconds, over=self.over)


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
