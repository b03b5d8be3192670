"""What a model may ask of the training split before its first step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.schema import Schema
from zoo.training.config import TrainingConfig
from zoo.training.dataset import read_dataset, read_times
from zoo.training.optimizers import optimizer_for


@dataclass(frozen=True)
class TrainingContext:
    """The training split and the settings of the run.

    Args:
        schema: a bound schema.
        files: transformed examples to learn from.
        config: of the run.

    Example:
        >>> noon = context.time_quantile(0.5)
        >>> early, late = context.batches(until=noon), context.batches(after=noon)
    """

    schema: Schema
    files: tuple[str, ...]
    config: TrainingConfig

    def batches(self, after: int | None = None, until: int | None = None) -> tf.data.Dataset:
        """Shuffled batches `(inputs, labels, weights)` of the requests later than `after` and not later than `until`."""
        return read_dataset(self.schema, self.files, self.config.batch_size, shuffle_buffer=self.config.shuffle_buffer,
                            seed=self.config.seed, after=after, until=until)

    def time_quantile(self, share: float) -> int:
        """The time until which this share of the requests came.

        Raises:
            ValueError: no request came later, so the split can't be divided by time.
        """
        times = np.sort(read_times(self.files))
        cut = int(times[max(0, int(np.ceil(share * len(times))) - 1)])
        if cut >= times[-1]:
            raise ValueError(f"the training split of {self.schema.name!r} can't be divided by time at {share:g}: no request is "
                             f"later than {cut}; give requests their times, or choose a smaller share")
        return cut

    def fit(self, model: RankingModel, epochs: int) -> None:
        """Trains another model on the whole split by the run's optimizers, for models that begin where it ends."""
        model(next(iter(self.batches()))[0])
        model.compile(optimizer=optimizer_for(model, self.config.optimizers))
        model.fit(model.prepare(self), epochs=epochs, verbose=0)
