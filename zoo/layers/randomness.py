"""Random draws of training that depend on a seed and on how many there were before, and on nothing else."""

from __future__ import annotations

import numpy as np

from zoo.keras import keras, tf


class Randomness(keras.layers.Layer):
    """A source of random numbers that a checkpoint keeps: a training that goes on draws what an uninterrupted one would.

    Draw number k comes from (seed, k) by TensorFlow's stateless generators; k is a variable. TensorFlow's stateful operations
    keep their state where no checkpoint reaches it.

    Example:
        >>> Randomness().uniform((2, 3))
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # From NumPy's seeded generator: each source of a model has its own, the same in every run with the run's seed.
        self.seed = int(np.random.randint(2**31))
        self.draws = self.add_weight("draws", (), dtype="int64", initializer="zeros", trainable=False)

    def next_seed(self) -> tf.Tensor:
        """`[2]` the seed of the next draw."""
        number = self.draws.assign_add(1)
        return tf.stack([tf.constant(self.seed, tf.int64), number])

    def uniform(self, shape: tf.Tensor | tuple[int, ...], **limits) -> tf.Tensor:
        """Uniform numbers of [0, 1), or of what `minval`, `maxval` and `dtype` say."""
        return tf.random.stateless_uniform(shape, self.next_seed(), **limits)


class Dropout(keras.layers.Layer):
    """Sets a share of the values to 0 in training, and scales the others by 1/(1 − rate).

    Args:
        rate: the share.
    """

    def __init__(self, rate: float, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.randomness = rate, Randomness()

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, self.randomness.next_seed())
