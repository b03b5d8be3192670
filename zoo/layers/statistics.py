"""What trees read: a request and a candidate as one row of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import keras, tf
from zoo.layers.behaviours import matched_columns, same_ids
from zoo.layers.masking import length_mask
from zoo.schema import Column, Schema

# Relative difference up to which two numbers are one: normalised at different places of a batch, the same number may differ in
# its last bit.
SAME = 1e-6


class DenseStatistics(keras.layers.Layer):
    """`[R, N, F]` numbers of each candidate: its own, the request's, and counts over the history.

    Numbers as they are; ids as their rank by frequency (the vocabulary's order); for every field that candidates and events
    share: how many events have the candidate's id, what share of the history that is, and how many events ago the last one
    was; for every number that both have (by role): its distance to the last event's and to the history's mean; the last
    event's other numbers; and the history's length.

    The same row comes out to the last bit whatever the batch is padded to: trees split between any two values, and a number
    that equals the history's mean must not be above it in training and below it in serving. So means are taken in float64,
    where sums of some float32 are exact, what differs by rounding alone differs by 0, and all are rounded to 17 binary digits,
    so that the last one of 24 decides nothing.

    Args:
        schema: a bound schema.

    Attributes:
        names: of the F numbers, in order.
    """

    def __init__(self, schema: Schema, **kwargs):
        super().__init__(**kwargs)
        self.schema, self.sequence = schema, schema.sequence("behaviours")
        self.names = [name for column in schema.columns("candidate") + schema.columns("request") for name in _names(column)]
        if not self.sequence:
            return
        events = schema.sequence_columns(self.sequence)
        self.matched = matched_columns(schema, self.sequence)
        ours = {column.feature.role: column for column in schema.columns("candidate")
                if column.feature.kind == "number" and column.feature.width == 1}
        numbers = [column for column in events if column.feature.kind == "number"]
        self.compared = [(column, ours[column.feature.role]) for column in numbers
                         if column.feature.role and column.feature.role in ours]
        self.last = [column for column in numbers if column not in [pair[0] for pair in self.compared]]
        self.names.append(self.sequence.length)
        self.names += [f"{event.name}_{what}" for event, _ in self.matched for what in ("count", "share", "recency")]
        self.names += [f"{event.name}_{what}" for event, _ in self.compared for what in ("to_last", "to_mean")]
        self.names += [f"last_{column.name}" for column in self.last]

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        own = [_number(column, candidates) for column in self.schema.columns("candidate")]
        shape = tf.shape(own[0])[:2]
        shared = [_number(column, request) for column in self.schema.columns("request")]
        parts = own + [_for_all(value, shape) for value in shared]
        if self.sequence:
            parts += self._history(request, candidates, shape)
        return _coarse(tf.concat(parts, -1))

    def _history(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor],
                 shape: tf.Tensor) -> list[tf.Tensor]:
        lengths = tf.cast(request[self.sequence.length], tf.float32)
        first = request[self.schema.sequence_columns(self.sequence)[0].name]
        mask = length_mask(request[self.sequence.length], first)
        parts = [_for_all(tf.expand_dims(lengths, 1), shape)]
        places = tf.range(1.0, tf.cast(tf.shape(mask)[1], tf.float32) + 1)
        for event, column in self.matched:
            same = same_ids(tf.expand_dims(candidates[column.name], 2), tf.expand_dims(request[event.name], 1))
            same *= tf.expand_dims(mask, 1)
            count = tf.reduce_sum(same, 2)
            # The place of the last equal event, 0 for none; how many came after it.
            last = tf.reduce_max(tf.concat([tf.zeros_like(same[..., :1]), same * places], 2), 2)
            recency = tf.where(last > 0, tf.expand_dims(lengths, 1) - last, float(self.sequence.max_length))
            share = count / tf.maximum(tf.expand_dims(lengths, 1), 1.0)
            parts += [tf.expand_dims(value, -1) for value in (count, share, recency)]
        final = tf.one_hot(request[self.sequence.length] - 1, tf.shape(mask)[1])
        for event, column in self.compared:
            value, past = tf.cast(candidates[column.name], tf.float64), tf.cast(request[event.name], tf.float64)
            for weights, count in ((final, 1.0), (mask, tf.maximum(tf.expand_dims(lengths, 1), 1.0))):
                mean = tf.reduce_sum(past * tf.cast(weights, tf.float64), 1, keepdims=True) / tf.cast(count, tf.float64)
                told = tf.abs(value - mean) > SAME * (tf.abs(value) + tf.abs(mean))
                difference = tf.where((tf.expand_dims(lengths, 1) > 0) & told, value - mean, 0.0)
                parts.append(tf.cast(tf.expand_dims(difference, -1), tf.float32))
        parts += [_for_all(tf.reduce_sum(request[column.name] * final, 1, keepdims=True), shape) for column in self.last]
        return parts


def _names(column: Column) -> list[str]:
    return [column.name] if column.feature.width == 1 else [f"{column.name}_{i}" for i in range(column.feature.width)]


def _number(column: Column, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """`[..., width]`."""
    value = tf.cast(values[column.name], tf.float32)
    return value if column.feature.width > 1 else tf.expand_dims(value, -1)


def _coarse(values: tf.Tensor) -> tf.Tensor:
    """Rounded to 17 binary digits; whole numbers up to 131,072 stay as they are."""
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(values, tf.int32) + 64, ~127), tf.float32)


def _for_all(value: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """`[R, F]` of the request for each of its candidates."""
    return tf.repeat(tf.expand_dims(value, 1), shape[1], 1)

