"""What counting says of a candidate, for trees and for networks."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import keras, tf
from zoo.layers.detailed_statistics import DetailedStatistics
from zoo.layers.history_statistics import HistoryStatistics, for_all
from zoo.layers.shelf_statistics import ShelfStatistics
from zoo.schema import Column, Schema


class DenseStatistics(keras.layers.Layer):
    """`[R, N, F]` what trees read of each candidate: its own numbers, the request's, and what is counted over histories.

    Numbers as they are; ids as their rank by frequency (the vocabulary's order). Trees split between any two values, and a
    number that equals the history's mean must not be above it in training and below it in serving: so all are rounded to 17
    binary digits, and the last one of 24 decides nothing.

    Args:
        schema: a bound schema.
        detailed: with `DetailedStatistics`.

    Attributes:
        names: of the F numbers, in order.
    """

    def __init__(self, schema: Schema, detailed: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.of_candidate, self.of_request = (
            [column for column in schema.columns(level) if column.feature.kind != "text" and not column.feature.multiple]
            for level in ("candidate", "request"))
        self.counters = _counters(schema, detailed)
        self.names = [name for column in self.of_candidate + self.of_request for name in _names(column)]
        self.names += [name for counter in self.counters for name in counter.names]

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        own = [_number(column, candidates) for column in self.of_candidate]
        shape = tf.shape(own[0])[:2]
        parts = own + [for_all(_number(column, request), shape) for column in self.of_request]
        parts += [counter(request, candidates) for counter in self.counters]
        return _coarse(tf.concat(parts, -1))


class ScaledStatistics(keras.layers.Layer):
    """`[R, N, F]` `HistoryStatistics` and, of a shelf, `ShelfStatistics`, in a form that networks learn from: all are of about
    one size.

    Counts, lengths and squares by `log(1 + x)`; recency r as `1/(1 + r)`, which tells the last events apart, and
    `log(1 + r)/4`, which tells the old ones; distances as they are and by their size; the others as they are.

    Args:
        schema: a bound schema.
        detailed: with `DetailedStatistics`.
    """

    def __init__(self, schema: Schema, detailed: bool = False, **kwargs):
        super().__init__(**kwargs)
        # Where there is nothing to count, the second one says what the schema lacks.
        self.counters = _counters(schema, detailed) or [HistoryStatistics(schema)]

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        kinds, parts = [kind for counter in self.counters for kind in counter.kinds], []
        values = tf.concat([counter(request, candidates) for counter in self.counters], -1)
        for value, kind in zip(tf.unstack(values, len(kinds), -1), kinds, strict=True):
            if kind in ("count", "length", "off_taste"):
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


def _counters(schema: Schema, detailed: bool) -> list[HistoryStatistics | ShelfStatistics]:
    """Of the histories that the schema has."""
    of_behaviours = DetailedStatistics if detailed else HistoryStatistics
    found: list[HistoryStatistics | ShelfStatistics] = [of_behaviours(schema)] if schema.sequence("behaviours") else []
    return found + ([ShelfStatistics(schema)] if ShelfStatistics.there(schema) else [])


def _names(column: Column) -> list[str]:
    return [column.name] if column.feature.width == 1 else [f"{column.name}_{i}" for i in range(column.feature.width)]


def _number(column: Column, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """`[..., width]`."""
    value = tf.cast(values[column.name], tf.float32)
    return value if column.feature.width > 1 else tf.expand_dims(value, -1)


def _coarse(values: tf.Tensor) -> tf.Tensor:
    """Rounded to 17 binary digits; whole numbers up to 131,072 stay as they are."""
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(values, tf.int32) + 64, ~127), tf.float32)
