"""One table of vectors by id."""

from __future__ import annotations

import numpy as np

from zoo.keras import keras, tf
from zoo.layers.rows import fill_rows, gather_rows


class EmbeddingTable(keras.layers.Layer):
    """A table whose gradient stays sparse: `[...]` ids to `[..., dim]` vectors.

    Ids outside the table (a model older than the vocabulary) read the row of the unknown id, on any device.

    Args:
        rows: of the table.
        dim: width of a row.
        scale: standard deviation of the initial values; 0 begins with zeros.
        optimizer_group: the optimizer that moves it.
        frozen: whether training leaves it as it is.
        space: id space that the rows are the ids of; None where they are no ids of a vocabulary. Where a vocabulary changes,
            its tables' rows move with their ids (`zoo.training.warm_start`).
    """

    def __init__(self, rows: int, dim: int, scale: float = 0.05, optimizer_group: str = "embedding", frozen: bool = False,
                 space: str | None = None, **kwargs):
        super().__init__(trainable=not frozen, **kwargs)
        self.rows, self.dim, self.optimizer_group, self.space = rows, dim, optimizer_group, space
        initializer = keras.initializers.RandomNormal(stddev=scale) if scale else "zeros"
        self.table = self.add_weight(f"{self.name}/table", (rows, dim), initializer=initializer, trainable=not frozen)

    def fill(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Sets the rows of some ids `[n]` to given vectors `[n, dim]`."""
        fill_rows(self.table, ids, vectors)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        # An id past the end would raise on CPU and read zeros on GPU.
        known = tf.where((ids >= 0) & (ids < self.rows), ids, tf.ones_like(ids))
        return gather_rows(self.table, known)
