"""Activations by name, and Dice."""

from __future__ import annotations

from zoo.keras import keras, tf


class Dice(keras.layers.Layer):
    """Data-adaptive activation: a PReLU whose knee moves with the data.

    `f(s) = p(s)·s + (1 − p(s))·α·s`, `p(s) = σ((s − E[s]) / √(Var[s] + ε))`; moments of the batch in training (over
    unmasked places only), moving averages at inference.

    Args:
        momentum: of the moving averages. Batch n counts for 9/(n + 8) until that is less than 1 − momentum (polynomial-decay
            averaging): started at 0 and 1 with the final rate, they would lag behind for hundreds of steps.
        epsilon: added to the variance; the paper's 1e-8 is below float32's resolution near 1, and is kept as given.

    Example:
        >>> Dice()(tf.constant([[-1.0, 2.0]]), mask=tf.constant([1.0]))

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 5.3.
    """

    # What training moves beside weights, and a training that goes on from another begins with.
    carried_state = ("moving_mean", "moving_variance", "batches")

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-8, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape):
        width = shape[-1:]
        self.alpha = self.add_weight("alpha", width, initializer="zeros")
        self.moving_mean = self.add_weight("moving_mean", width, initializer="zeros", trainable=False)
        self.moving_variance = self.add_weight("moving_variance", width, initializer="ones", trainable=False)
        self.batches = self.add_weight("batches", (), initializer="zeros", trainable=False)

    def call(self, inputs: tf.Tensor, mask: tf.Tensor | None = None, training: bool | None = None) -> tf.Tensor:
        """Applies Dice to `[..., D]`; `mask` `[...]` is 1 for the places that are real."""
        if training:
            mean, variance, count = self._moments(inputs, mask)
            # A batch without one real place (no user has a history) says nothing of the data.
            self.batches.assign_add(tf.cast(count > 0, tf.float32))
            rate = tf.where(count > 0, tf.maximum(1 - self.momentum, 9 / (self.batches + 8)), 0.0)
            self.moving_mean.assign_add(rate * (mean - self.moving_mean))
            self.moving_variance.assign_add(rate * (variance - self.moving_variance))
        else:
            mean, variance = self.moving_mean, self.moving_variance
        gate = tf.sigmoid((inputs - mean) * tf.math.rsqrt(variance + self.epsilon))
        return inputs * (self.alpha + gate * (1 - self.alpha))

    def _moments(self, inputs: tf.Tensor, mask: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Mean and variance over the real places, and how many there are; both 0 where there is none."""
        axes = list(range(len(inputs.shape) - 1))
        places = tf.shape(inputs)[:-1]
        real = tf.ones(places) if mask is None else tf.broadcast_to(mask, places)
        weights, count = real[..., tf.newaxis], tf.reduce_sum(real)
        mean = tf.math.divide_no_nan(tf.reduce_sum(inputs * weights, axes), count)
        variance = tf.math.divide_no_nan(tf.reduce_sum(tf.square(inputs - mean) * weights, axes), count)
        return mean, variance, count


def activation(name: str) -> keras.layers.Layer:
    """A new activation layer: `dice`, `prelu` (one slope a unit), or any name that Keras knows."""
    if name == "dice":
        return Dice()
    if name == "prelu":
        return PerUnitPReLU()
    return keras.layers.Activation(name)


class PerUnitPReLU(keras.layers.Layer):
    """PReLU with one learned slope for each unit, shared over all other axes: `max(0, s) + α·min(0, s)`."""

    def build(self, shape):
        self.alpha = self.add_weight("alpha", shape[-1:], initializer=keras.initializers.Constant(0.25))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(inputs) - self.alpha * tf.nn.relu(-inputs)


def activate(layer: keras.layers.Layer, inputs: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Calls an activation, handing the mask to those that take statistics."""
    return layer(inputs, mask=mask) if isinstance(layer, Dice) else layer(inputs)
