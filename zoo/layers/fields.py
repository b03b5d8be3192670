"""Equal-width field vectors, as factorisation machines and their successors want them."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import keras, tf
from zoo.layers.embeddings import EmbeddingConfig, EmbeddingTable
from zoo.layers.masking import length_mask, masked_mean
from zoo.schema import Column, Schema


class Fields(keras.layers.Layer):
    """Every column as one vector of the same width: an id's row, a bucket's row, or a number times a learned vector.

    Sequence fields are averaged over their true length, so a history contributes one field for each of its columns.

    Args:
        schema: a bound schema.
        config: `dim` is the width of all fields; `dims` and `bucket_dim` are not used.

    Example:
        >>> fields = Fields(schema, EmbeddingConfig(dim=16))
        >>> fields.request(inputs), fields.candidates(inputs)       # [R, F, D], [R, N, G, D]
    """

    def __init__(self, schema: Schema, config: EmbeddingConfig, **kwargs):
        super().__init__(**kwargs)
        self.schema, self.dim = schema, config.dim
        self.tables, self.vectors = {}, {}
        for column in schema.columns():
            space = column.feature.space
            if space and space not in self.tables:
                self.tables[space] = EmbeddingTable(schema.size(space), config.dim, config.scale, name=f"space_{space}")
            if column.feature.buckets:
                self.tables[column.bucket] = EmbeddingTable(column.feature.buckets + 2, config.dim, config.scale,
                                                            name=f"bucket_{column.name}")
            elif not space:
                self.vectors[column.name] = self.add_weight(
                    f"vector_{column.name}", (column.feature.width, config.dim),
                    initializer=keras.initializers.RandomNormal(stddev=config.scale))

    @property
    def request_count(self) -> int:
        """Number of request fields, one for each request column and each sequence column."""
        return len(self.schema.columns("request")) + len(self.schema.columns("sequence"))

    @property
    def candidate_count(self) -> int:
        """Number of candidate fields."""
        return len(self.schema.columns("candidate"))

    def request(self, request: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """`[R, F, D]` fields of the request: its columns, then each sequence column averaged."""
        vectors = [self._vector(column, request) for column in self.schema.columns("request")]
        for sequence in self.schema.sequences:
            for column in self.schema.sequence_columns(sequence):
                events = self._vector(column, request)
                vectors.append(masked_mean(events, length_mask(request[sequence.length], events)))
        return tf.stack(vectors, 1)

    def candidates(self, candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """`[R, N, G, D]` fields of the candidates."""
        return tf.stack([self._vector(column, candidates) for column in self.schema.columns("candidate")], 2)

    def _vector(self, column: Column, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        if column.feature.space:
            return self.tables[column.feature.space](values[column.name])
        if column.feature.buckets:
            return self.tables[column.bucket](values[column.bucket])
        number = values[column.name]
        number = number if column.feature.width > 1 else tf.expand_dims(number, -1)
        return tf.tensordot(number, self.vectors[column.name], 1)


def all_fields(request: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """`[R, N, F + G, D]` the request's fields beside each candidate's."""
    count = tf.shape(candidates)[1]
    return tf.concat([tf.tile(tf.expand_dims(request, 1), [1, count, 1, 1]), candidates], 2)
