"""Several training steps in one call of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zoo.keras import tf

if TYPE_CHECKING:
    from zoo.models.base import RankingModel

STEPS_PER_CALL = 8


def several_steps(model: RankingModel) -> Callable[[Iterator], dict[str, tf.Tensor]]:
    """Up to `STEPS_PER_CALL` training steps as one graph, which stops where the batches end.

    Between two calls of a graph stands Python, the more to feel the smaller a step is (docs/results.md). Keras has this for
    data of known length only.

    Args:
        model: a compiled model.

    Returns:
        A function of an iterator over batches, which gives back what the last step reports, and raises `OutOfRangeError` where
        no batch is left.
    """

    @tf.function(reduce_retracing=True)
    def steps(iterator):
        logs = {name: tf.constant(0.0) for name in model.means}
        taken = 0
        for _ in tf.range(STEPS_PER_CALL):
            batch = iterator.get_next_as_optional()
            if not batch.has_value():
                break
            logs = model.train_step(batch.get_value())
            taken += 1
        if taken == 0:
            next(iterator)  # raises: the epoch is over
        return logs

    return steps
