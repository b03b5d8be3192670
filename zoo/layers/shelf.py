"""A room's shelf of products, and what of it meets what of a user's product history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zoo.data.checks import check
from zoo.keras import keras, tf
from zoo.layers.behaviours import Behaviours, same_ids
from zoo.layers.embeddings import Embeddings
from zoo.layers.masking import masked_softmax, weighted_sum
from zoo.schema import BehaviourSequence, Column, Schema

Tensors = Mapping[str, tf.Tensor]
_AWAY = -1e9


class Shelf(NamedTuple):
    """The products that lie in each candidate's room.

    Args:
        products: `[R, N, M, D]`.
        mask: `[R, N, M]` 1 for real products; a room without a shelf has none.
        ids: `[R, N, M, F]`.
    """

    products: tf.Tensor
    mask: tf.Tensor
    ids: tf.Tensor


class ShelfInterest(NamedTuple):
    """What a shelf means to a user.

    Args:
        history: `[R, N, D + C]` the events of the history, by how near each is to a product of the shelf.
        relevance: `[R, N, 1]` how near they are on average.
        summary: `[R, N, D]` the shelf, by what such a user looks at.
    """

    history: tf.Tensor
    relevance: tf.Tensor
    summary: tf.Tensor


def shelf_pairs(schema: Schema, sequence: BehaviourSequence) -> list[tuple[Column, Column]]:
    """Pairs (event column, candidate column of the role `shelf`) over the same id space, in the candidates' order."""
    events = {column.feature.space: column for column in schema.sequence_columns(sequence)
              if column.feature.kind == "id" and not column.feature.multiple}
    return [(events[column.feature.space], column) for column in schema.candidates_with("shelf")
            if column.feature.multiple and column.feature.space in events]


def several_values(embeddings: Embeddings, columns: Sequence[Column], candidates: Tensors) -> Shelf:
    """The rows of columns with several values, side by side and not pooled.

    Raises:
        tf.errors.InvalidArgumentError: a candidate has more values in one of the columns than in another.
    """
    first = columns[0]
    count = candidates[first.count]
    checks = [check(count == candidates[column.count], f"{first.name!r} and {column.name!r} speak of the same products: a "
                    "candidate must have as many values in both", count, candidates[column.count]) for column in columns[1:]]
    with tf.control_dependencies(checks):
        mask = tf.sequence_mask(count, tf.shape(candidates[first.name])[-1], dtype=tf.float32)
    vectors = [embeddings.look_up(column, candidates[column.name]) for column in columns]
    return Shelf(tf.concat(vectors, -1), mask, tf.stack([candidates[column.name] for column in columns], -1))


def has_some(mask: tf.Tensor) -> tf.Tensor:
    """`[R, N, 1]` 1 for candidates that have a real value in `[R, N, M]`; M may be 0."""
    return tf.minimum(tf.reduce_sum(mask, 2, keepdims=True), 1.0)


class ShelfAttention(keras.layers.Layer):
    """Product history against the shelf, in two steps, since a weight for each pair of them would be N·M·T networks.

    `S_tm = ⟨W x_t, e_m⟩/√D + Σ_f v_f·[x_tf = e_mf]`, `a_t = max_m S_tm`, `history = Σ_t softmax_t(a_t)·x_t`,
    `relevance = mean_t a_t`; and `summary = Σ_m softmax_m(wᵀ tanh(W_e e_m + W_u u))·e_m`, u the user.

    A room without a shelf, and a user without a history, have zeros. That the ids are equal (item, category) is told beside the
    product of the vectors, as `TargetAttention` does. Ours: the public talk on the model gives no formulas.

    Args:
        width: D, of the shelf's products.
        hidden: width of the summary's attention.

    Example:
        >>> ShelfAttention(32)(shelf, behaviours, user).history      # [R, N, D + C]

    Source: the live-content model of 1688's recommendation team ("heterogeneous double-sequence attention"), as told in 2021.
    """

    def __init__(self, width: int, hidden: int = 32, **kwargs):
        super().__init__(**kwargs)
        self.kernel = self.add_weight("kernel", (width, width), initializer="glorot_uniform")
        self.of_product, self.of_user = keras.layers.Dense(hidden), keras.layers.Dense(hidden, use_bias=False)
        self.logit = keras.layers.Dense(1, use_bias=False)
        self.same = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")

    def call(self, shelf: Shelf, behaviours: Behaviours, user: tf.Tensor) -> ShelfInterest:
        """The user is `[R, U]`."""
        products, shape = shelf.products, tf.shape(shelf.products)
        requests, rooms, places = shape[0], shape[1], shape[2]
        keys = tf.tensordot(behaviours.keys, self.kernel, 1) / float(self.kernel.shape[0]) ** 0.5
        flat = tf.reshape(products, [requests, rooms * places, self.kernel.shape[0]])
        ids = tf.reshape(shelf.ids, [requests, 1, rooms * places, shelf.ids.shape[-1]])
        flags = same_ids(behaviours.ids[:, :, tf.newaxis], ids)
        near = tf.matmul(keys, flat, transpose_b=True) + tf.squeeze(self.same(flags), -1)                    # [R, T, N·M]
        near = tf.reshape(near, [requests, tf.shape(keys)[1], rooms, places])
        near = tf.reduce_max(tf.where(shelf.mask[:, tf.newaxis] > 0, near, _AWAY), 3)                        # [R, T, N]
        mask = behaviours.mask[:, tf.newaxis] * has_some(shelf.mask)                                         # [R, N, T]
        near = tf.where(mask > 0, tf.transpose(near, [0, 2, 1]), 0.0)
        history = tf.matmul(masked_softmax(near, mask), behaviours.events)
        relevance = tf.reduce_sum(near, 2, keepdims=True) / tf.maximum(tf.reduce_sum(mask, 2, keepdims=True), 1.0)
        seen = tf.tanh(self.of_product(products) + self.of_user(user)[:, tf.newaxis, tf.newaxis])
        weights = masked_softmax(tf.squeeze(self.logit(seen), -1), shelf.mask)
        return ShelfInterest(history, relevance, weighted_sum(weights, products))
