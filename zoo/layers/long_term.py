"""Long histories as one entry a category, and numbers as vectors: what LSRMM adds to DIN."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, same_ids
from zoo.layers.embedding_table import EmbeddingTable
from zoo.schema import Column

COUNT_BUCKETS = 12


class CategoryAggregates(keras.layers.Layer):
    """A long history with one entry a category: its most recent event, and how many events it had.

    `g_j = [e_last event of j; e_countbucket(j)]`, count buckets by powers of two. The result has the history's shape; entries
    stand where the last event of their category stood, and the mask says where.

    Args:
        field: place of the category among the matched fields.
        dim: width of the count buckets' table.
    """

    def __init__(self, field: int, dim: int, **kwargs):
        super().__init__(**kwargs)
        self.field = field
        self.counts = EmbeddingTable(COUNT_BUCKETS, dim)

    def call(self, behaviours: Behaviours) -> Behaviours:
        categories = behaviours.ids[..., self.field]
        same = same_ids(tf.expand_dims(categories, 2), tf.expand_dims(categories, 1))
        same *= tf.expand_dims(behaviours.mask, 1)
        later = tf.linalg.band_part(tf.ones_like(same), 0, -1) - tf.linalg.band_part(tf.ones_like(same), 0, 0)
        # An unknown category equals nothing, so that every such event stays an entry of its own.
        last = behaviours.mask * tf.cast(tf.reduce_sum(same * later, 2) == 0, tf.float32)
        context = tf.concat([behaviours.context, self.counts(count_bucket(tf.reduce_sum(same, 2)))], -1)
        return Behaviours(behaviours.keys, context, last, behaviours.ids)


def count_bucket(count: tf.Tensor) -> tf.Tensor:
    """0 or 1 event is bucket 0, 2 and 3 are bucket 1, 4 to 7 bucket 2, …"""
    bucket = tf.math.log(tf.maximum(count, 1.0)) / tf.math.log(2.0)
    return tf.minimum(tf.cast(tf.floor(bucket + 1e-4), tf.int64), COUNT_BUCKETS - 1)


class NumberEmbeddings(keras.layers.Layer):
    """Every number as a vector on a line of its own: `e_f = x_f·w_f + b_f`, all of them side by side.

    Args:
        columns: of the numbers; a wider feature has one line for each of its values.
        dim: width of each vector.

    Example:
        >>> NumberEmbeddings(schema.columns("candidate"), 16)(candidates)       # [R, N, 16·numbers]
    """

    def __init__(self, columns: list[Column], dim: int, **kwargs):
        super().__init__(**kwargs)
        self.columns = [column for column in columns if column.feature.kind == "number"]
        self.slopes, self.offsets = ({c.name: self._lines(f"{kind}_{c.name}", c.feature.width, dim) for c in self.columns}
                                     for kind in ("slope", "offset"))

    def _lines(self, name: str, width: int, dim: int) -> tf.Variable:
        return self.add_weight(name, (width, dim), initializer=keras.initializers.RandomNormal(stddev=0.05))

    def call(self, values: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """One `[..., width·dim]` for each number."""
        parts = []
        for column in self.columns:
            number = values[column.name]
            number = number if column.feature.width > 1 else tf.expand_dims(number, -1)
            vectors = tf.expand_dims(number, -1) * self.slopes[column.name] + self.offsets[column.name]
            width = self.slopes[column.name].shape.num_elements()
            parts.append(tf.reshape(vectors, tf.concat([tf.shape(number)[:-1], [width]], 0)))
        return parts
