"""Asynchronous training: workers take steps of their own on weights that lie on parameter servers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.training.config import TrainingConfig
from zoo.training.dataset import Share
from zoo.training.machines.cluster import Cluster
from zoo.training.machines.config import MachinesConfig
from zoo.training.machines.weights import copy_weights
from zoo.training.run import TrainingRun
from zoo.training.split import TrainingFiles

# Steps for each worker between two looks at the clock; then all wait for the last one.
STEPS_BETWEEN = 50


class ParameterServerRun(TrainingRun):
    """A training whose steps workers take, in the process that tells them what to do.

    `w ← w − η·g(w′)`, w′ the weights as they were when a worker read them: others may have moved them since. Tables are divided
    by rows; a worker reads and writes the rows of its batch alone. A worker that dies is handed no more steps until it is
    back; the step that it was taking is taken anew. A server that dies ends the training, which goes on from its last
    checkpoint.

    Each epoch's batches are divided between the workers. A fast one begins its part again rather than wait, so an epoch takes
    as many steps as there are batches, and not each of them just once.

    Args:
        strategy: of `connected`, made before the model.
        build: makes the model, with all its variables.
        model: the same model in this process, which is judged; the training begins with its weights.
        config, split, kept, on_progress: as of `TrainingRun`. Checkpoints are written by the servers, so their folder must be
            one that all machines share.
    """

    def __init__(self, strategy: tf.distribute.ParameterServerStrategy, build: Callable[[], RankingModel], model: RankingModel,
                 config: TrainingConfig, split: TrainingFiles, kept: tuple[str, str] | None,
                 on_progress: Callable[[str], None]):
        assert config.machines is not None
        self.strategy, self.build, self.workers = strategy, build, config.machines.workers
        self.coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        with strategy.scope():
            self.next_worker = tf.Variable(0, dtype=tf.int64, trainable=False)
            super().__init__(model, config, split, kept, on_progress)
        if not self.history and not self.done:
            copy_weights(model, self.learner)
        self.steps = split.steps(self.span)
        self._step = tf.function(self._take, autograph=False)

    def make_learner(self) -> RankingModel:
        """The model whose variables lie on the servers."""
        return self.build()

    def epoch(self) -> None:
        """Learns from what is left of an epoch."""
        started = time.perf_counter() - self.seconds
        if not self.done:
            self.loop.reset()
        batches = iter(self.coordinator.create_per_worker_dataset(tf.function(self._batches, autograph=False)))
        while self.done < self.steps:
            count = min(STEPS_BETWEEN * self.workers, self.steps - self.done)
            for _ in range(count):
                self.coordinator.schedule(self._step, args=(batches,))
            self.coordinator.join()
            self.done += count
            self.seconds = time.perf_counter() - started
            if self.checkpoints and self.checkpoints.due():
                self._save()
        copy_weights(self.learner, self.model)

    def restore_best(self) -> None:
        """Sets the model to its best epoch."""
        super().restore_best()
        if self.checkpoints:
            copy_weights(self.learner, self.model)

    def _batches(self) -> tf.data.Dataset:
        """A worker's part of the epoch, again and again; made where the worker is, whenever it begins or begins again."""
        index = (self.next_worker.assign_add(1, read_value=True) - 1) % self.workers
        share = Share(self.workers, index)
        return self.split.batches(self.span, epoch=len(self.history), skip=self.done, share=share).repeat()

    def _take(self, batches: Any) -> None:
        self.strategy.run(self.loop.step, args=(next(batches),))


def connected(cluster: Cluster, machines: MachinesConfig) -> tf.distribute.ParameterServerStrategy:
    """Connects this process to workers and servers; variables that it made before are lost."""
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster.spec(), rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver, variable_partitioner=_parts(machines))


def _parts(machines: MachinesConfig) -> Callable[..., list[int]]:
    """Into how many parts a variable is divided: large tables by their rows, all others not at all."""
    def partitioner(shape: tf.TensorShape, dtype: tf.DType, **_: Any) -> list[int]:
        table = shape.rank == 2 and dtype == tf.float32 and shape[0] >= machines.part_rows
        return [machines.servers if table else 1] + [1] * (max(shape.rank or 0, 1) - 1)

    return partitioner
