"""What was counted of a room in each minute (or other step) of the recent past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.layers.recurrence import GatedRecurrence
from zoo.schema import Column


class Minutes(keras.layers.Layer):
    """`[R, N, H]` the last state of a GRU over the steps of the recent past, the oldest first.

    A step is what all columns say of it: clicks, orders, and how many watched.

    Args:
        columns: wide numbers of candidates, as many values each.
        units: H.

    Raises:
        ConfigError: they are not of one width.
    """

    def __init__(self, columns: Sequence[Column], units: int, **kwargs):
        super().__init__(**kwargs)
        widths = {column.name: column.feature.width for column in columns}
        if len(set(widths.values())) > 1:
            raise ConfigError("candidate features of the role 'recent' are read step by step, so all must have one `width`; "
                              f"they have {', '.join(f'{name}: {width}' for name, width in widths.items())}")
        self.columns, self.steps = list(widths), columns[0].feature.width
        self.gru = GatedRecurrence(units)

    def call(self, candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        # A column of width 1 has no dimension of its own.
        counted = [candidates[name] if self.steps > 1 else candidates[name][..., tf.newaxis] for name in self.columns]
        steps = tf.stack(counted, -1)
        shape = tf.shape(steps)
        rows = tf.reshape(steps, [-1, self.steps, len(self.columns)])
        gate = tf.zeros_like(rows[:, tf.newaxis, :, 0])
        last = self.gru(rows, gate, gate + 1)[:, 0, -1]
        return tf.reshape(last, [shape[0], shape[1], self.gru.units])
