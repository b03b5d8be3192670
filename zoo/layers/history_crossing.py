"""Low-cost factorisation machine between a whole history and an item: exact, and both sides can be computed apart."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from zoo.keras import keras, tf


class HistoryCrossing(keras.layers.Layer):
    """`[R, N, P]` inner products of a history's fields, summed over its events, with an item's fields.

    `c_gf = Σ_t ⟨e_tg, v_f⟩ / √(1 + T) = ⟨S_g, v_f⟩`, `S_g = Σ_t e_tg / √(1 + T)`: since inner products commute with sums, the
    request is asked once for its G sums and the item, ahead of time, for its F vectors. A candidate costs P·D products.

    Args:
        pairs: which (g, f) are crossed: places of an event field and of an item field; with `every`, all of them.

    Example:
        >>> crossing = HistoryCrossing([(0, 0), (1, 1)])
        >>> crossing(crossing.sums(events, mask), items)    # [R, G, D] of [R, T, G, D]; [R, N, F, D] -> [R, N, 2]

    Source: Rendle, Factorization Machines, ICDM 2010, for the identity; the use is the coarse ranker's of Tmall's new products.
    """

    def __init__(self, pairs: list[tuple[int, int]] | Literal["every"], **kwargs):
        super().__init__(**kwargs)
        self.pairs = pairs

    def sums(self, events: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`[R, G, D]` of events `[R, T, G, D]` and their mask `[R, T]`."""
        return tf.einsum("rtgd,rt->rgd", events, mask) / tf.sqrt(1 + tf.reduce_sum(mask, 1))[:, tf.newaxis, tf.newaxis]

    def call(self, sums: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        events, fields, dim = sums.shape[1], items.shape[2], items.shape[3]
        pairs = list(itertools.product(range(events), range(fields))) if self.pairs == "every" else self.pairs
        # One matrix product for all pairs, whichever they are: column p has the sum g of pair p in the rows of its field f.
        chosen = np.zeros((events, fields, len(pairs)), np.float32)
        for place, (ours, theirs) in enumerate(pairs):
            chosen[ours, theirs, place] = 1.0
        columns = tf.reshape(tf.einsum("rgd,gfp->rfdp", sums, chosen), [-1, fields * dim, len(pairs)])
        return tf.matmul(tf.reshape(items, [tf.shape(items)[0], tf.shape(items)[1], fields * dim]), columns)
