"""Checkpoints of a training: everything that an interrupted one needs to end as an uninterrupted one would."""

from __future__ import annotations

import json
import time
from typing import Any

from zoo.keras import keras, tf
from zoo.training.loop import TrainingLoop
from zoo.training.optimizers import GroupedOptimizer

# At most this share of the time is spent on checkpoints, however large the tables are.
MOST_TIME = 0.05


class CheckpointError(ValueError):
    """A folder of checkpoints that this training can't go on from."""


class _Progress(tf.train.experimental.PythonState):
    """What is not a tensor: epoch, place in the data, history."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def serialize(self) -> str:
        return json.dumps(self.values)

    def deserialize(self, text: str) -> None:
        self.values = json.loads(text)


class TrainingCheckpoints:
    """Saves model, optimizers, mean losses and progress together, and restores the last of them.

    TensorFlow names a checkpoint as the last one only when all of it is written, so a process that is killed at any moment
    leaves the one before.

    Args:
        folder: where; any path or URI that TensorFlow writes.
        identity: what this training is (model, settings, data); another one's checkpoints are refused.
        model: the model, with all its variables made.
        optimizer: over them.
        loop: with the mean losses.
        seconds: how often `due` says yes, at least; seldomer where saving takes more than a twentieth of the time.
    """

    def __init__(self, folder: str, identity: str, model: keras.Model, optimizer: GroupedOptimizer, loop: TrainingLoop,
                 seconds: float):
        self.identity, self.seconds, self._progress = identity, seconds, _Progress()
        self._folder, self._model = folder, model
        checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, loop=loop, progress=self._progress)
        self._manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=2)
        self._checkpoint = checkpoint
        self._next = time.monotonic() + seconds

    def restore(self) -> dict[str, Any] | None:
        """Restores the last checkpoint; gives back the progress it was saved with, None where there is none.

        Raises:
            CheckpointError: the folder holds another training's.
        """
        last = self._manager.latest_checkpoint
        if last is None:
            return None
        self._checkpoint.restore(last).assert_existing_objects_matched()
        values = dict(self._progress.values)
        if values.pop("identity") != self.identity:
            raise CheckpointError(f"{self._folder} holds checkpoints of another training (other settings, code or data); "
                                  "remove the folder to begin anew, or name another one")
        return values

    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() >= self._next

    def save(self, **progress: Any) -> None:
        """Saves everything, with this progress (plain values)."""
        started = time.monotonic()
        self._progress.values = {"identity": self.identity} | progress
        self._manager.save()
        took = time.monotonic() - started
        self._next = time.monotonic() + max(self.seconds, took / MOST_TIME if self.seconds else 0.0)

    def save_best(self, epoch: int) -> None:
        """Keeps the model's weights as those of the best epoch so far."""
        tf.train.Checkpoint(model=self._model).write(self._best(epoch))

    def restore_best(self, epoch: int) -> None:
        """Sets the model to the weights of this epoch."""
        tf.train.Checkpoint(model=self._model).read(self._best(epoch)).assert_existing_objects_matched()

    def _best(self, epoch: int) -> str:
        return f"{self._folder}/best-{epoch}"
