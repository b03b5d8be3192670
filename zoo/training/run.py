"""A training under way: epochs, the choice of the best one, and going on where it was interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo.models.base import RankingModel
from zoo.models.preparation import Span
from zoo.training.checkpoint import TrainingCheckpoints
from zoo.training.config import TrainingConfig
from zoo.training.dataset import read_dataset
from zoo.training.evaluate import predictor, score_dataset
from zoo.training.loop import STEPS_PER_CALL, TrainingLoop
from zoo.training.optimizers import GroupedOptimizer
from zoo.training.split import TrainingFiles


class TrainingRun:
    """Where a training stands: its epoch, its place in the data, the best epoch so far.

    Args:
        model: is judged, and has the weights of the best epoch in the end.
        config: of the run.
        split: what is learned from.
        kept: folder for checkpoints, and the digest of what this training is; None keeps none.
        on_progress: called with one line an epoch.
    """

    def __init__(self, model: RankingModel, config: TrainingConfig, split: TrainingFiles, kept: tuple[str, str] | None,
                 on_progress: Callable[[str], None]):
        self.model, self.config, self.split, self.on_progress = model, config, split, on_progress
        self.learner = self.make_learner()
        self.optimizer = self.make_optimizer()
        self.loop = TrainingLoop(self.learner, self.optimizer)
        self.checkpoints = kept and TrainingCheckpoints(
            *kept, self.learner, self.optimizer, self.loop, config.checkpoint_seconds)
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

    def complete(self, validation_files: Sequence[str]) -> None:
        """Trains to the end, and sets the model to its best epoch.

        Args:
            validation_files: transformed examples that choose the epoch.

        Raises:
            FloatingPointError: validation is NaN in every epoch.
        """
        schema, first = self.model.schema, self.model.schema.labels[0]
        validation = read_dataset(schema, validation_files, max(self.config.batch_size, 512), keys=True)
        predict = predictor(self.model, validation)
        while not self.over:
            self.epoch()
            self.judge(score_dataset(self.model, validation, predict).metrics(schema.group_key, first.name, first.kind))
        if not self.best_epoch:
            raise FloatingPointError(f"training of {type(self.model).__name__} diverged: validation {self.config.select_by} is "
                                     "NaN in every epoch; lower the learning rates")
        self.restore_best()

    def make_learner(self) -> RankingModel:
        """What steps move: here the model itself."""
        return self.model

    def make_optimizer(self) -> GroupedOptimizer:
        """What moves it."""
        return GroupedOptimizer(self.learner, self.config.optimizers)

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
            self._save_best(number)
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

    def _save_best(self, number: int) -> None:
        if self.checkpoints:
            self.checkpoints.save_best(number)
        else:
            self.best_weights = self.model.get_weights()

    def _save(self) -> None:
        if self.checkpoints:
            self.checkpoints.save(span=list(self.span), history=self.history, best=float(self.best),
                                  best_epoch=self.best_epoch, done=self.done, seconds=self.seconds, over=self.over)
