"""The training split, as models and the training loop read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.keras import tf
from zoo.models.preparation import EVERYTHING, Span
from zoo.schema import Schema
from zoo.training.config import TrainingConfig
from zoo.training.dataset import Share, read_dataset, read_times
from zoo.training.loop import TrainingLoop
from zoo.training.optimizers import GroupedOptimizer
from zoo.training.protocol import Trainable


@dataclass(frozen=True)
class TrainingFiles:
    """The training split and the settings of the run: the `TrainingSplit` that models are given.

    Args:
        schema: a bound schema.
        files: transformed examples to learn from.
        config: of the run.
    """

    schema: Schema
    files: tuple[str, ...]
    config: TrainingConfig

    def batches(self, span: Span = EVERYTHING, epoch: int = 0, skip: int = 0, share: Share | None = None) -> tf.data.Dataset:
        """Shuffled batches of one pass over the requests of a span.

        Args:
            span: which requests.
            epoch: each is shuffled in an order of its own, the same in every run with the run's seed.
            skip: begin after so many batches.
            share: of the batches, where several workers divide them.
        """
        return read_dataset(self.schema, self.files, self.config.batch_size, shuffle_buffer=self.config.shuffle_buffer,
                            seed=self.config.seed, epoch=epoch, skip=skip, share=share, after=span.after, until=span.until)

    def steps(self, span: Span = EVERYTHING) -> int:
        """How many batches one pass over the requests of a span has."""
        times = read_times(self.files)
        inside = np.ones(len(times), bool)
        if span.after is not None:
            inside &= times > span.after
        if span.until is not None:
            inside &= times <= span.until
        return -(-int(inside.sum()) // self.config.batch_size)

    def time_quantile(self, share: float) -> int:
        """The time until which this share of the requests came; see `TrainingSplit`."""
        times = np.sort(read_times(self.files))
        cut = int(times[max(0, int(np.ceil(share * len(times))) - 1)])
        if cut >= times[-1]:
            raise ValueError(f"the training split of {self.schema.name!r} can't be divided by time at {share:g}: no request is "
                             f"later than {cut}; give requests their times, or choose a smaller share")
        return cut

    def fit(self, model: Trainable, epochs: int) -> None:
        """Trains another model on the whole split by the run's settings; see `TrainingSplit`."""
        model.make_variables()
        span = model.prepare(self)
        loop = TrainingLoop(model, GroupedOptimizer(model, self.config.optimizers))
        for epoch in range(epochs):
            loop.run(self.batches(span, epoch))
