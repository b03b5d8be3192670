"""Low-cost factorisation machine between a whole history and an item: exact, and both sides can be computed apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from zoo.keras import keras, tf


class HistoryCrossing(keras.layers.Layer):
    """`[R, N, P·(1 + H)]` inner products of a history's fields, summed over its events, with an item's fields.

    `c_gf = Σ_t w_t·⟨e_tg, v_f⟩ / √(1 + Σ_t w_t) = ⟨S_g, v_f⟩`, `S_g = Σ_t w_t·e_tg / √(1 + Σ_t w_t)`: since inner products
    commute with sums, the request is asked once for its G sums and the item, ahead of time, for its F vectors. `w_t = 1`; and
    for each of H half-lives h also `w_t = 2^(-a_t/h)`, a_t its age: how many came after it. A candidate costs P·(1 + H)·D
    products.

    Args:
        pairs: which (g, f) are crossed: places of an event field and of an item field; with `every`, all of them.
        half_lives: h, in events; beside the whole history, sums that forget.

    Example:
        >>> crossing = HistoryCrossing([(0, 0), (1, 1)])
        >>> crossing(crossing.sums(events, mask), items)    # [R, G, D] of [R, T, G, D]; [R, N, F, D] -> [R, N, 2]

    Source: Rendle, Factorization Machines, ICDM 2010, for the identity; the use is the coarse ranker's of Tmall's new products.
    Sums that forget are ours.
    """

    def __init__(self, pairs: list[tuple[int, int]] | Literal["every"], half_lives: Sequence[float] = (), **kwargs):
        super().__init__(**kwargs)
        self.pairs, self.half_lives = pairs, list(half_lives)

    def sums(self, events: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`[R, (1 + H)·G, D]` of events `[R, T, G, D]`, the oldest first, and their mask `[R, T]`."""
        age = tf.reduce_sum(mask, 1, keepdims=True) - tf.cumsum(mask, 1)
        weights = tf.stack([mask, *(mask * tf.pow(0.5, age / half_life) for half_life in self.half_lives)], 1)
        sums = tf.einsum("rtgd,rht->rhgd", events, weights / tf.sqrt(1 + tf.reduce_sum(weights, 2, keepdims=True)))
        return tf.reshape(sums, [-1, sums.shape[1] * sums.shape[2], sums.shape[3]])

    def call(self, sums: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        events, fields, dim = sums.shape[1], items.shape[2], items.shape[3]
        kinds = events // (1 + len(self.half_lives))
        pairs = list(itertools.product(range(kinds), range(fields))) if isinstance(self.pairs, str) else self.pairs
        pairs = [(first + ours, theirs) for first in range(0, events, kinds) for ours, theirs in pairs]
        # One matrix product for all pairs, whichever they are: column p has the sum g of pair p in the rows of its field f.
        chosen = np.zeros((events, fields, len(pairs)), np.float32)
        for place, (ours, theirs) in enumerate(pairs):
            chosen[ours, theirs, place] = 1.0
        columns = tf.reshape(tf.einsum("rgd,gfp->rfdp", sums, chosen), [-1, fields * dim, len(pairs)])
        return tf.matmul(tf.reshape(items, [tf.shape(items)[0], tf.shape(items)[1], fields * dim]), columns)
