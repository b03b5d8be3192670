"""A number beside what is usual of its category: a price of 20 is high for a pen and low for a phone."""

from __future__ import annotations

import numpy as np

from zoo.keras import keras, tf

# So many values of the whole log stand in for those that a category has not.
PRIOR = 5.0


class Moments:
    """Counts and sums of a number by category, added up batch by batch.

    Args:
        categories: rows of the id space.
    """

    def __init__(self, categories: int):
        self.count, self.total, self.squares = (np.zeros(categories) for _ in range(3))

    def add(self, numbers: np.ndarray, categories: np.ndarray) -> None:
        """Adds `[n]` numbers and their categories; no padding among them."""
        exact, rows = numbers.astype(np.float64), len(self.count)
        self.count += np.bincount(categories, minlength=rows)
        self.total += np.bincount(categories, exact, rows)
        self.squares += np.bincount(categories, exact ** 2, rows)


class UsualNumber(keras.layers.Layer):
    """Normalises a number within its category: `r = (x − μ_c) / σ_c`.

    With n_c values of the category c in the training split, and the whole split's mean μ and variance v,
    `μ_c = (Σ x + k·μ) / (n_c + k)` and `σ_c² = (Σ (x − μ_c)² + k·v) / (n_c + k)`, k = 5: a category that is seldom or never
    seen is as usual as the whole. Computed in float64 and rounded once, so r depends on the number and its category alone.

    Args:
        categories: rows of the id space.

    Example:
        >>> usual = UsualNumber(categories=100)
        >>> moments = Moments(categories=100)
        >>> moments.add(prices, categories)
        >>> usual.learn(moments)
        >>> usual(prices, categories)
    """

    def __init__(self, categories: int, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.deviation = (
            self.add_weight(name, (categories,), dtype="float64", initializer=initializer, trainable=False)
            for name, initializer in (("mean", "zeros"), ("deviation", "ones")))

    def call(self, numbers: tf.Tensor, categories: tf.Tensor) -> tf.Tensor:
        """`r`, of the numbers' shape; before `learn`, the numbers as they are."""
        centred = tf.cast(numbers, tf.float64) - tf.gather(self.mean, categories)
        return tf.cast(centred / tf.gather(self.deviation, categories), tf.float32)

    def learn(self, moments: Moments) -> None:
        """Takes means and deviations from what was counted over a split."""
        count, total, squares = moments.count, moments.total, moments.squares
        everything = max(count.sum(), 1.0)
        middle = total.sum() / everything
        variance = max(squares.sum() / everything - middle ** 2, 0.0)
        mean = (total + PRIOR * middle) / (count + PRIOR)
        around = np.maximum(squares - 2 * mean * total + count * mean ** 2, 0.0)
        deviation = np.sqrt((around + PRIOR * variance) / (count + PRIOR))
        self.mean.assign(mean)
        self.deviation.assign(np.where(deviation > 0, deviation, 1.0))
