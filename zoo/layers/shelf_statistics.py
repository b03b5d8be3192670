"""What counting says of the shelf that a candidate has: numbers over the product history."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import keras, tf
from zoo.layers.behaviours import same_ids
from zoo.layers.history_statistics import count_share_recency, for_all
from zoo.layers.masking import length_mask
from zoo.layers.shelf import shelf_pairs
from zoo.schema import PADDING_ID, Schema


class ShelfStatistics(keras.layers.Layer):
    """`[R, N, F]` what the product history says of each candidate's shelf, counted.

    The history's length; for every field that shelf and events share (product, category): how many events have an id that lies
    on the shelf (`count`), what share of the history that is (`share`), how many events ago the last one was (`recency`), and
    what share of the shelf's products has an id that stands in the history (`covered`).

    Args:
        schema: a bound schema with products and a shelf (`there`).

    Attributes:
        names: of the F numbers, in order.
        kinds: of each of them, the words in brackets above, and `length`.
    """

    def __init__(self, schema: Schema, **kwargs):
        super().__init__(**kwargs)
        sequence = schema.sequence("products")
        assert sequence is not None
        self.sequence, self.pairs = sequence, shelf_pairs(schema, sequence)
        self.candidate = schema.columns("candidate")[0].name
        kinds = ("count", "share", "recency", "covered")
        named = [(sequence.length, "length"), *((f"{column.name}_{kind}", kind) for _, column in self.pairs for kind in kinds)]
        self.names, self.kinds = ([pair[place] for pair in named] for place in range(2))

    @staticmethod
    def there(schema: Schema) -> bool:
        """Whether a schema has a product history and a shelf with something in common."""
        sequence = schema.sequence("products")
        return sequence is not None and bool(shelf_pairs(schema, sequence))

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        lengths = request[self.sequence.length]
        parts = [for_all(tf.expand_dims(tf.cast(lengths, tf.float32), 1), tf.shape(candidates[self.candidate])[:2])]
        for event, column in self.pairs:
            past, shelf = request[event.name], candidates[column.name]
            on_shelf = tf.sequence_mask(candidates[column.count], tf.shape(shelf)[-1], dtype=tf.float32)
            # What is no event, and no product, is padding, which equals nothing.
            past = tf.where(length_mask(lengths, past) > 0, past, PADDING_ID)
            shelf = tf.where(on_shelf > 0, shelf, PADDING_ID)
            # [R, N, M, T]: of each product on the shelf and each event, whether they are the same.
            same = same_ids(shelf[..., tf.newaxis], past[:, tf.newaxis, tf.newaxis])
            covered = tf.reduce_sum(_any(same, 3), 2) / tf.maximum(tf.reduce_sum(on_shelf, 2), 1.0)
            numbers = (*count_share_recency(_any(same, 2), lengths, self.sequence.max_length), covered)
            parts += [value[..., tf.newaxis] for value in numbers]
        return tf.concat(parts, -1)


def _any(flags: tf.Tensor, axis: int) -> tf.Tensor:
    """1 where one of the flags along an axis is 1; an axis may be empty."""
    return tf.minimum(tf.reduce_sum(flags, axis), 1.0)
