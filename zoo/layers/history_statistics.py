"""What counting says of a candidate: numbers over the history."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.layers.behaviours import matched_columns, same_ids
from zoo.layers.masking import length_mask
from zoo.schema import Schema

# Relative difference up to which two numbers are one: normalised at different places of a batch, the same number may differ in
# its last bit.
SAME = 1e-6


class HistoryStatistics(keras.layers.Layer):
    """`[R, N, F]` what the behaviours say of each candidate, counted.

    The history's length; for every field that candidates and events share: how many events have the candidate's id (`count`),
    what share of the history that is (`share`), and how many events ago the last one was (`recency`); for every number that
    both have (by role): its distance to the last event's (`to_last`) and to the history's mean (`to_mean`); the last event's
    other numbers (`last`). Columns with several values and texts are left out: no one value of them could be compared.

    The same row comes out to the last bit whatever the batch is padded to: means are taken in float64, where sums of some
    float32 are exact, and what differs by rounding alone differs by 0.

    Args:
        schema: a bound schema.

    Attributes:
        names: of the F numbers, in order.
        kinds: of each of them, the words in brackets above, and `length`.

    Raises:
        ConfigError: the schema has no behaviours.
    """

    def __init__(self, schema: Schema, **kwargs):
        super().__init__(**kwargs)
        sequence = schema.sequence("behaviours")
        if sequence is None:
            raise ConfigError(f"statistics are counted over a sequence with the role 'behaviours', and the schema "
                              f"{schema.name!r} has none; set model.config.statistics to false, or add the sequence")
        self.sequence = sequence
        events = schema.sequence_columns(sequence)
        self.first, self.candidate = events[0].name, schema.columns("candidate")[0].name
        self.matched = matched_columns(schema, sequence)
        ours = {column.feature.role: column for column in schema.columns("candidate")
                if column.feature.kind == "number" and column.feature.width == 1}
        numbers = [column for column in events if column.feature.kind == "number"]
        self.compared = [(column, ours[column.feature.role]) for column in numbers
                         if column.feature.role and column.feature.role in ours]
        self.last = [column for column in numbers if column not in [pair[0] for pair in self.compared]]
        named = [(sequence.length, "length")]
        named += [(f"{event.name}_{kind}", kind) for event, _ in self.matched for kind in ("count", "share", "recency")]
        named += [(f"{event.name}_{kind}", kind) for event, _ in self.compared for kind in ("to_last", "to_mean")]
        named += [(f"last_{column.name}", "last") for column in self.last]
        self.names, self.kinds = ([pair[place] for pair in named] for place in range(2))

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        shape = tf.shape(candidates[self.candidate])[:2]
        lengths = tf.cast(request[self.sequence.length], tf.float32)
        mask = length_mask(request[self.sequence.length], request[self.first])
        parts = [for_all(tf.expand_dims(lengths, 1), shape)]
        for event, column in self.matched:
            same = same_ids(tf.expand_dims(candidates[column.name], 2), tf.expand_dims(request[event.name], 1))
            same *= tf.expand_dims(mask, 1)
            parts += [tf.expand_dims(value, -1) for value in count_share_recency(
                same, request[self.sequence.length], self.sequence.max_length)]
        final = tf.one_hot(request[self.sequence.length] - 1, tf.shape(mask)[1])
        for event, column in self.compared:
            value, past = tf.cast(candidates[column.name], tf.float64), tf.cast(request[event.name], tf.float64)
            for weights, count in ((final, 1.0), (mask, tf.maximum(tf.expand_dims(lengths, 1), 1.0))):
                mean = tf.reduce_sum(past * tf.cast(weights, tf.float64), 1, keepdims=True) / tf.cast(count, tf.float64)
                told = tf.abs(value - mean) > SAME * (tf.abs(value) + tf.abs(mean))
                difference = tf.where((tf.expand_dims(lengths, 1) > 0) & told, value - mean, 0.0)
                parts.append(tf.cast(tf.expand_dims(difference, -1), tf.float32))
        parts += [for_all(tf.reduce_sum(request[column.name] * final, 1, keepdims=True), shape) for column in self.last]
        return tf.concat(parts, -1)


def count_share_recency(same: tf.Tensor, lengths: tf.Tensor, longest: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Of events that have something, `[R, N]` each: how many, their share of the history, how many came after the last one.

    Args:
        same: `[R, N, T]` 1 for events that have it; no event behind the history's end does.
        lengths: `[R]` of the histories.
        longest: the recency where there is no such event.
    """
    length = tf.expand_dims(tf.cast(lengths, tf.float32), 1)
    count = tf.reduce_sum(same, 2)
    # The place of the last such event, 0 for none.
    places = tf.range(1.0, tf.cast(tf.shape(same)[2], tf.float32) + 1)
    last = tf.reduce_max(tf.concat([tf.zeros_like(same[..., :1]), same * places], 2), 2)
    return count, count / tf.maximum(length, 1.0), tf.where(last > 0, length - last, float(longest))


def for_all(value: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """`[R, F]` of the request for each of its candidates."""
    return tf.repeat(tf.expand_dims(value, 1), shape[1], 1)
