"""The training loop: steps, several of them in one call of the graph."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.training.optimizers import GroupedOptimizer
from zoo.training.protocol import Trainable

# Between two calls of a graph stands Python, the more to feel the smaller a step is (docs/results.md).
STEPS_PER_CALL = 8


class TrainingLoop(tf.Module):
    """Takes training steps and keeps their mean losses.

    Args:
        model: what learns.
        optimizer: over its variables.

    Example:
        >>> loop = TrainingLoop(model, GroupedOptimizer(model))
        >>> loop.run(dataset)
        >>> loop.losses()
        {'loss': 0.41, 'extra_loss': 0.0}
    """

    def __init__(self, model: Trainable, optimizer: GroupedOptimizer):
        super().__init__()
        # In a closure: a `tf.Module` would track the model and the optimizer once more.
        self._model, self._optimizer = (lambda: model), (lambda: optimizer)
        # Means over the epoch; the last step's losses say little.
        self.means = {name: keras.metrics.Mean(name) for name in ("loss", "extra_loss")}
        self._graph = tf.function(self._steps, autograph=False, reduce_retracing=True)

    def steps(self, batches: Iterator[Batch]) -> int:
        """Takes up to `STEPS_PER_CALL` steps in one call of the graph; fewer where the batches end.

        Args:
            batches: an iterator of a `tf.data.Dataset`.

        Returns:
            How many steps were taken.
        """
        return int(self._graph(batches))

    def run(self, dataset: tf.data.Dataset) -> None:
        """Takes a step for each batch of a dataset."""
        batches = iter(dataset)
        while self.steps(batches) == STEPS_PER_CALL:
            pass

    def step(self, batch: Batch) -> None:
        """One step: gradient of loss and penalties, moved by the optimizer."""
        model, optimizer = self._model(), self._optimizer()
        batch = Batch(*batch)
        with tf.GradientTape() as tape:
            loss = model.loss(model(batch.inputs, training=True), batch)
            extra = model.penalties(batch)
            total = loss + extra
            # Gradients of workers that take a step together are added.
            together = tf.distribute.get_strategy().num_replicas_in_sync
            total = total / together if together > 1 else total
        optimizer.apply(tape.gradient(total, optimizer.variables_moved))
        self.means["loss"].update_state(loss)
        self.means["extra_loss"].update_state(extra)

    def losses(self) -> dict[str, float]:
        """Mean losses since `reset`."""
        return {name: float(mean.result()) for name, mean in self.means.items()}

    def reset(self) -> None:
        """Begins the means anew."""
        for mean in self.means.values():
            mean.reset_state()

    def _steps(self, batches: tf.data.Iterator) -> tf.Tensor:
        def take(taken: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = batches.get_next_as_optional()
            more = batch.has_value()

            def learn() -> tf.Tensor:
                self.step(batch.get_value())
                return taken + 1

            return tf.cond(more, learn, lambda: taken), more

        start = (tf.constant(0), tf.constant(True))
        return tf.while_loop(lambda taken, more: (taken < STEPS_PER_CALL) & more, take, start)[0]
