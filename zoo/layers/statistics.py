"""What counting says of a candidate: numbers over the history, for trees and for networks."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.layers.behaviours import matched_columns, same_ids
from zoo.layers.masking import length_mask
from zoo.schema import Column, Schema

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
        return tf.concat(parts, -1)


class DenseStatistics(keras.layers.Layer):
    """`[R, N, F]` what trees read of each candidate: its own numbers, the request's, and `HistoryStatistics`.

    Numbers as they are; ids as their rank by frequency (the vocabulary's order). Trees split between any two values, and a
    number that equals the history's mean must not be above it in training and below it in serving: so all are rounded to 17
    binary digits, and the last one of 24 decides nothing.

    Args:
        schema: a bound schema.

    Attributes:
        names: of the F numbers, in order.
    """

    def __init__(self, schema: Schema, **kwargs):
        super().__init__(**kwargs)
        self.of_candidate, self.of_request = (
            [column for column in schema.columns(level) if column.feature.kind != "text" and not column.feature.multiple]
            for level in ("candidate", "request"))
        self.history = HistoryStatistics(schema) if schema.sequence("behaviours") else None
        self.names = [name for column in self.of_candidate + self.of_request for name in _names(column)]
        self.names += self.history.names if self.history else []

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        own = [_number(column, candidates) for column in self.of_candidate]
        shape = tf.shape(own[0])[:2]
        parts = own + [_for_all(_number(column, request), shape) for column in self.of_request]
        if self.history:
            parts.append(self.history(request, candidates))
        return _coarse(tf.concat(parts, -1))


class ScaledStatistics(keras.layers.Layer):
    """`[R, N, F]` `HistoryStatistics` in a form that networks learn from: all of them are of about one size.

    Counts and lengths by `log(1 + x)`; recency r as `1/(1 + r)`, which tells the last events apart, and `log(1 + r)/4`, which
    tells the old ones; distances as they are and by their size; the others as they are.

    Args:
        schema: a bound schema.
    """

    def __init__(self, schema: Schema, **kwargs):
        super().__init__(**kwargs)
        self.history = HistoryStatistics(schema)

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        parts = []
        for value, kind in zip(tf.unstack(self.history(request, candidates), len(self.history.kinds), -1), self.history.kinds,
                               strict=True):
            if kind in ("count", "length"):
                parts.append(tf.math.log1p(value))
            elif kind == "recency":
                parts += [1 / (1 + value), tf.math.log1p(value) / 4]
            elif kind in ("to_last", "to_mean"):
                parts += [value, tf.abs(value)]
            else:
                parts.append(value)
        return tf.stack(parts, -1)


def present(*parts: tf.Tensor | None) -> list[tf.Tensor]:
    """Those that are there."""
    return [part for part in parts if part is not None]


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
