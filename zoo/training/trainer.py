"""The training loop that every model of the zoo goes through."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import Schema
from zoo.training.config import TrainingConfig
from zoo.training.context import TrainingContext
from zoo.training.dataset import read_dataset
from zoo.training.evaluate import score_dataset
from zoo.training.optimizers import optimizer_for, scale_learning_rates


@dataclass(frozen=True)
class TrainingResult:
    """A trained model and how it got there.

    Args:
        model: with the weights of the best epoch.
        history: one entry an epoch: `epoch`, `loss`, `seconds`, `requests`, `validation` (metrics of the first task).
        best_epoch: the epoch whose weights were kept, from 1.
    """

    model: RankingModel
    history: list[dict[str, Any]]
    best_epoch: int


def train(name: str, schema: Schema, train_files: Sequence[str], validation_files: Sequence[str], *,
          config: TrainingConfig, model_config: dict[str, Any] | None = None,
          on_progress: Callable[[str], None] = lambda line: None) -> TrainingResult:
    """Trains a model of the zoo and keeps the epoch that is best on the validation split.

    Args:
        name: of the model in the registry.
        schema: bound to its vocabularies.
        train_files: transformed examples to learn from.
        validation_files: transformed examples that choose the epoch; never the ones reported on.
        config: of the run.
        model_config: settings of the model.
        on_progress: called with one line an epoch.

    Returns:
        A `TrainingResult`. The same seed gives the same weights and metrics on a CPU.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    model = registry.build(name, schema, model_config)
    context = TrainingContext(schema, tuple(train_files), config)
    validation = read_dataset(schema, validation_files, max(config.batch_size, 512), keys=True)
    model(next(iter(context.batches()))[0])
    batches = model.prepare(context)
    model.compile(optimizer=optimizer_for(model, config.optimizers))

    task, sign = schema.labels[0].name, -1.0 if config.select_by == "logloss" else 1.0
    history: list[dict[str, Any]] = []
    best, best_epoch, best_weights = -np.inf, 0, None
    for epoch in range(1, config.epochs + 1):
        started = time.perf_counter()
        loss = model.fit(batches, verbose=0).history["loss"][-1]
        seconds = time.perf_counter() - started
        metrics = score_dataset(model, validation).metrics(schema.group_key, task)
        history.append({"epoch": epoch, "loss": float(loss), "seconds": seconds, "validation": metrics})
        on_progress(f"epoch {epoch}/{config.epochs}  loss {loss:.4f}  validation AUC {metrics['auc']:.4f}  "
                    f"GAUC {metrics['gauc']:.4f}  {seconds:.0f} s")
        if sign * metrics[config.select_by] > best:
            best, best_epoch, best_weights = sign * metrics[config.select_by], epoch, model.get_weights()
        elif epoch - best_epoch >= config.patience:
            break
        scale_learning_rates(model.optimizer, config.decay)
    if best_weights is None:
        raise FloatingPointError(f"training of {name!r} diverged: validation {config.select_by} is NaN in every epoch; "
                                 "lower the learning rates")
    model.set_weights(best_weights)
    return TrainingResult(model, history, best_epoch)

