"""The wide part: one weight for each id and for each pair of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.config import ConfigError, nearest
from zoo.keras import keras, tf
from zoo.layers.embeddings import EmbeddingTable, matched_columns
from zoo.layers.masking import length_mask
from zoo.optimizers import OptimizerConfig
from zoo.schema import CANDIDATE_COUNT, FIRST_ID, Column, Schema

# What moves linear weights where a run's settings name nothing else.
WIDE = OptimizerConfig(name="ftrl", learning_rate=0.05)


class Cross(keras.layers.Layer):
    """Weight of the pair of a candidate's id and an id of the request: the cross-product feature `1[a] · 1[b]`.

    Pairs are hashed into `buckets`; a pair with padding or an unknown id weighs nothing. Over a history of length T the
    weights are summed and divided by √T: a long history says more than a short one, but does not shout.

    Args:
        schema: declares both columns.
        candidate: the candidate's id column.
        other: an id column of the request or of a sequence.
        buckets: rows of the table.
    """

    def __init__(self, schema: Schema, candidate: Column, other: Column, buckets: int, **kwargs):
        super().__init__(name=f"{candidate.name}_x_{other.name}", **kwargs)
        self.candidate, self.other, self.buckets = candidate, other, buckets
        self.length = other.sequence.length if other.sequence else None
        self.weight = EmbeddingTable(buckets + FIRST_ID, 1, scale=0.0, optimizer_group="wide")

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """`[R, N]` the weight of each candidate's pairs."""
        ours, theirs = candidates[self.candidate.name], request[self.other.name]
        if self.length is None:
            return self._weight_of(ours, theirs[:, tf.newaxis])
        weights = self._weight_of(ours[:, :, tf.newaxis], theirs[:, tf.newaxis])
        mask = length_mask(request[self.length], theirs)
        count = tf.maximum(tf.reduce_sum(mask, 1, keepdims=True), 1.0)
        return tf.einsum("rnt,rt->rn", weights, mask) / tf.sqrt(count)

    def _weight_of(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        real = tf.cast((a > 1) & (b > 1), tf.float32)
        # Two odd multipliers of the 64-bit golden-ratio family spread neighbouring ids; wrap-around is intended.
        mixed = (a * -7046029254386353131) ^ (b * -4417276706812531889)
        mixed = tf.bitwise.bitwise_xor(mixed, tf.bitwise.right_shift(mixed, tf.constant(29, tf.int64)))
        return self.weight(FIRST_ID + tf.math.floormod(mixed, self.buckets))[..., 0] * real


class Linear(keras.layers.Layer):
    """One weight for each id of the request and of the candidates, one for each number, and the given crosses.

    Args:
        schema: a bound schema.
        crosses: pairs (candidate column name, request or sequence column name).
        buckets: rows of each cross's table.

    Example:
        >>> Linear(schema, [("candidate_category", "history_category")], 1 << 18)(request, candidates)     # [R, N]
    """

    optimizer_group = "wide"

    def __init__(self, schema: Schema, crosses: Sequence[tuple[str, str]], buckets: int, **kwargs):
        super().__init__(**kwargs)
        columns = {column.name: column for column in schema.columns()}
        self.request_ids = [c for c in schema.columns("request") if c.feature.kind == "id"]
        self.candidate_ids = [c for c in schema.columns("candidate") if c.feature.kind == "id"]
        self.request_numbers = [c for c in schema.columns("request") if c.feature.kind == "number"]
        self.candidate_numbers = [c for c in schema.columns("candidate") if c.feature.kind == "number"]
        self.tables = {
            column.name: EmbeddingTable(schema.size(column.feature.space), 1, scale=0.0, optimizer_group="wide",
                                        name=f"linear_{column.name}")
            for column in self.request_ids + self.candidate_ids
        }
        self.crosses = [Cross(schema, columns[a], columns[b], buckets) for a, b in crosses]
        self.numbers = {
            column.name: self.add_weight(f"number_{column.name}", (column.feature.width,), initializer="zeros")
            for column in self.request_numbers + self.candidate_numbers
        }
        self.bias = self.add_weight("bias", (), initializer="zeros")

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """`[R, N]` the linear logit of each candidate."""
        user = tf.zeros_like(candidates[CANDIDATE_COUNT], tf.float32) + self.bias
        for column in self.request_ids:
            user += self.tables[column.name](request[column.name])[..., 0]
        for column in self.request_numbers:
            user += request[column.name] * self.numbers[column.name][0]
        logit = user[:, tf.newaxis]
        for column in self.candidate_ids:
            logit += self.tables[column.name](candidates[column.name])[..., 0]
        for column in self.candidate_numbers:
            values = candidates[column.name]
            values = values if column.feature.width > 1 else values[..., tf.newaxis]
            logit += tf.tensordot(values, self.numbers[column.name], 1)
        for cross in self.crosses:
            logit += cross(request, candidates)
        return logit


def linear_crosses(schema: Schema, crosses: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    """The given crosses, checked, or the default ones.

    By default each candidate id is crossed with the history's ids of the same space (category × clicked category), and
    the candidate's item with each id of the request.

    Raises:
        ConfigError: a cross names a column that is not an id, or stands on the wrong side.
    """
    if crosses is None:
        sequence, item = schema.sequence("behaviours"), schema.candidate("item")
        found = [(ours.name, event.name) for event, ours in (matched_columns(schema, sequence) if sequence else [])]
        users = [column for column in schema.columns("request") if column.feature.kind == "id"]
        return found + ([(item.name, column.name) for column in users] if item else [])
    ids = {column.name: column.level for column in schema.columns() if column.feature.kind == "id"}
    for pair in crosses:
        for name, wanted in zip(pair, (("candidate",), ("request", "sequence")), strict=True):
            valid = [column for column, level in ids.items() if level in wanted]
            if name not in valid:
                raise ConfigError(f"model.config.crosses: {name!r} is not an id column of the "
                                  f"{' or '.join(wanted)}{nearest(name, valid)}")
    return list(crosses)
