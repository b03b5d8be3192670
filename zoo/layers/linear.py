"""The wide part: one weight for each id and for each pair of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.config import ConfigError, nearest
from zoo.keras import keras, tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.masking import length_mask
from zoo.layers.values import summed
from zoo.optimizers import OptimizerConfig
from zoo.schema import CANDIDATE_COUNT, FIRST_ID, Column, Schema

# What moves wide weights where a run's settings name nothing else.
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
        optimizer_group: the optimizer that moves it.
    """

    def __init__(self, schema: Schema, candidate: Column, other: Column, buckets: int, optimizer_group: str = "wide", **kwargs):
        super().__init__(name=f"{candidate.name}_x_{other.name}", **kwargs)
        self.candidate, self.other, self.buckets = candidate, other, buckets
        self.length = other.sequence.length if other.sequence else None
        self.weight = EmbeddingTable(buckets + FIRST_ID, 1, scale=0.0, optimizer_group=optimizer_group)

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

    The weights of several values are summed, each times the value's own.

    Args:
        schema: a bound schema.
        crosses: pairs (candidate column name, request or sequence column name).
        buckets: rows of each cross's table.
        optimizer_group: the optimizer that moves all weights; None leaves tables to `embedding`, the others to `dense`.

    Example:
        >>> Linear(schema, [("candidate_category", "history_category")], 1 << 18)(request, candidates)     # [R, N]
    """

    def __init__(self, schema: Schema, crosses: Sequence[tuple[str, str]], buckets: int,
                 optimizer_group: str | None = "wide", **kwargs):
        super().__init__(**kwargs)
        self.optimizer_group = optimizer_group
        of_tables = optimizer_group or "embedding"
        columns = {column.name: column for column in schema.columns()}
        self.request_ids = [c for c in schema.columns("request") if c.feature.kind == "id"]
        self.candidate_ids = [c for c in schema.columns("candidate") if c.feature.kind == "id"]
        self.request_numbers = [c for c in schema.columns("request") if c.feature.kind == "number"]
        self.candidate_numbers = [c for c in schema.columns("candidate") if c.feature.kind == "number"]
        self.tables = {
            column.name: EmbeddingTable(schema.size(column.space), 1, scale=0.0, optimizer_group=of_tables,
                                        space=column.space, name=f"linear_{column.name}")
            for column in self.request_ids + self.candidate_ids
        }
        self.crosses = [Cross(schema, columns[a], columns[b], buckets, of_tables) for a, b in crosses]
        self.numbers = {
            column.name: self.add_weight(f"number_{column.name}", (column.feature.width,), initializer="zeros")
            for column in self.request_numbers + self.candidate_numbers
        }
        self.bias = self.add_weight("bias", (), initializer="zeros")

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """`[R, N]` the linear logit of each candidate."""
        user = tf.zeros_like(candidates[CANDIDATE_COUNT], tf.float32) + self.bias
        for column in self.request_ids:
            user += summed(self.tables[column.name], column, request)[..., 0]
        for column in self.request_numbers:
            user += request[column.name] * self.numbers[column.name][0]
        logit = user[:, tf.newaxis]
        for column in self.candidate_ids:
            logit += summed(self.tables[column.name], column, candidates)[..., 0]
        for column in self.candidate_numbers:
            values = candidates[column.name]
            values = values if column.feature.width > 1 else values[..., tf.newaxis]
            logit += tf.tensordot(values, self.numbers[column.name], 1)
        for cross in self.crosses:
            logit += cross(request, candidates)
        return logit


class WideLogits(keras.layers.Layer):
    """The wide part of a model: a `Linear` for each task, since what one task memorises is no evidence for another.

    Args:
        schema: a bound schema, whose labels are the tasks.
        crosses: pairs as in `linear_crosses`: None for the default ones, () for none.
        buckets: rows of each cross's table.
        optimizer_group: as in `Linear`.

    Raises:
        ConfigError: a cross that can't be made.

    Example:
        >>> WideLogits(schema, None, 1 << 20)(request, candidates)
        {'click': <tf.Tensor: shape=(R, N)>}
    """

    def __init__(self, schema: Schema, crosses: Sequence[tuple[str, str]] | None = (), buckets: int = 1,
                 optimizer_group: str | None = "wide", **kwargs):
        super().__init__(**kwargs)
        crosses = linear_crosses(schema, crosses)
        self.linears = {label.name: Linear(schema, crosses, buckets, optimizer_group, name=f"wide_{label.name}")
                        for label in schema.tasks}

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}`."""
        return {task: linear(request, candidates) for task, linear in self.linears.items()}


def linear_crosses(schema: Schema, crosses: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    """The given crosses, checked, or the default ones.

    By default each candidate id is crossed with the history's ids of the same space (category × clicked category), and
    the candidate's item with each id of the request.

    Raises:
        ConfigError: a cross names a column that is not an id, has several values, or stands on the wrong side.
    """
    ids = {column.name: column.level for column in schema.columns()
           if column.feature.kind == "id" and not column.feature.multiple}
    if crosses is None:
        sequence, item = schema.sequence("behaviours"), schema.candidate("item")
        found = [(ours.name, event.name) for event, ours in (matched_columns(schema, sequence) if sequence else [])]
        users = [column for column in schema.columns("request") if column.name in ids]
        return found + ([(item.name, column.name) for column in users] if item and item.name in ids else [])
    for pair in crosses:
        for name, wanted in zip(pair, (("candidate",), ("request", "sequence")), strict=True):
            valid = [column for column, level in ids.items() if level in wanted]
            if name not in valid:
                raise ConfigError(f"model.config.crosses: {name!r} is not an id column of the "
                                  f"{' or '.join(wanted)} with one value{nearest(name, valid)}")
    return list(crosses)
