"""What was sold last in a room, and what that says of the products that lie there now."""

from __future__ import annotations

from zoo.keras import keras, tf
from zoo.layers.masking import masked_softmax, weighted_sum
from zoo.layers.shelf import Shelf, has_some


class SoldForecast(keras.layers.Layer):
    """The products of the shelf that those sold last make likely to be sold next.

    `f = W Σ_v softmax_v(c_v)·s_v`, s_v the v-th product sold, the last one first, c_v a number that each place has;
    `forecast = Σ_m softmax_m(⟨f, e_m⟩/√D)·e_m`. Zeros where nothing was sold, or nothing lies on the shelf.

    Args:
        places: most products sold.
        width: D, of the shelf's products.

    Example:
        >>> SoldForecast(5, 32)(sold, shelf)        # [R, N, D] of `Shelf`s
    """

    def __init__(self, places: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.query = keras.layers.Dense(width, use_bias=False)
        self.places = self.add_weight("places", (places,), initializer="zeros")

    def call(self, sold: Shelf, shelf: Shelf) -> tf.Tensor:
        places = tf.minimum(tf.range(tf.shape(sold.mask)[2]), self.places.shape[0] - 1)
        weights = masked_softmax(tf.gather(self.places, places), sold.mask)
        query = self.query(weighted_sum(weights, sold.products)) / float(shelf.products.shape[-1]) ** 0.5
        logits = tf.einsum("rnd,rnmd->rnm", query, shelf.products)
        weights = masked_softmax(logits, shelf.mask) * has_some(sold.mask)
        return weighted_sum(weights, shelf.products)
