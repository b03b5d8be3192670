"""Synchronous training: every worker has all weights, and all take each step together, a part of its batch each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.training.config import TrainingConfig
from zoo.training.dataset import Share
from zoo.training.machines.cluster import WORKER, Cluster
from zoo.training.optimizers import GroupedOptimizer
from zoo.training.run import TrainingRun
from zoo.training.split import TrainingFiles


class SynchronousRun(TrainingRun):
    """A worker's side of a training in which gradients of all workers are added before each step.

    `w ← w − η·Σ_k g_k(w)/K`, g_k of the k-th part of the batch. All workers judge each epoch, and come to the same verdict. The
    first one alone writes checkpoints, at the end of each epoch: where one worker dies, all end, and go on from there.

    Args:
        strategy: of `joined`, in whose scope the model was made.
        index: of this worker.
        model: all workers' with the same weights.
        config, split, kept, on_progress: as of `TrainingRun`.
    """

    def __init__(self, strategy: tf.distribute.MultiWorkerMirroredStrategy, index: int, model: RankingModel,
                 config: TrainingConfig, split: TrainingFiles, kept: tuple[str, str] | None,
                 on_progress: Callable[[str], None]):
        assert config.machines is not None
        self.strategy, self.index, self.workers = strategy, index, config.machines.workers
        super().__init__(model, config, split, kept, on_progress)
        # Of equally many batches each; the last ones, where they don't go round, are left.
        self.parts = TrainingFiles(split.schema, split.files, config.model_copy(
            update={"batch_size": config.batch_size // self.workers}))
        self.steps = self.parts.steps(self.span) // self.workers
        self._step = tf.function(self._take, autograph=False, reduce_retracing=True)

    def make_optimizer(self) -> GroupedOptimizer:
        """What moves all workers' weights alike. Mean losses, outside of the strategy's scope, are each worker's own."""
        with self.strategy.scope():
            return super().make_optimizer()

    def epoch(self) -> None:
        """Learns from an epoch."""
        started = time.perf_counter()
        self.loop.reset()
        share = Share(self.workers, self.index)
        batches = iter(self.parts.batches(self.span, epoch=len(self.history), share=share))
        for _ in range(self.steps):
            self._step(batches)
        self.seconds = time.perf_counter() - started

    def restore_best(self) -> None:
        """Sets the model to its best epoch; the first worker's is the one that counts."""
        if not self.index:
            super().restore_best()

    def _take(self, batches: Any) -> None:
        self.strategy.run(self.loop.step, args=(next(batches),))

    def _save(self) -> None:
        if not self.index:
            super()._save()

    def _save_best(self, number: int) -> None:
        if not self.index:
            super()._save_best(number)


def joined(cluster: Cluster, index: int) -> tf.distribute.MultiWorkerMirroredStrategy:
    """Makes this process a worker, before it does anything else with TensorFlow; waits for the others."""
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster.spec(), task_type=WORKER, task_id=index,
                                                                    rpc_layer="grpc")
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING)
    return tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
