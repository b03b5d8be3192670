"""Low-cost factorisation machine between a whole history and an item: exact, and both sides can be computed apart."""

from __future__ import annotations

from typing import Literal

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
        if self.pairs == "every":
            crossed = tf.einsum("rgd,rnfd->rngf", sums, items)
            return tf.reshape(crossed, tf.concat([tf.shape(crossed)[:2], [sums.shape[1] * items.shape[2]]], 0))
        ours, theirs = ([pair[side] for pair in self.pairs] for side in range(2))
        return tf.einsum("rpd,rnpd->rnp", tf.gather(sums, ours, axis=1), tf.gather(items, theirs, axis=2))
