"""USM's semantic layer: fixed convolutions over the fields of an example, and pooling at several scales."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from zoo.keras import keras, tf


class OrthogonalConvolution(keras.layers.Layer):
    """Sums, differences and products of every 2, 3 and 4 fields, coordinate by coordinate.

    Two fields: `a+b`, `a−b`, `a⊙b`; three or four: each pattern with exactly one minus, and the product. With F fields these
    are `3·C(F,2) + 4·C(F,3) + 5·C(F,4)` channels. The patterns of two and of four fields are orthogonal, those of three are
    not (their inner products are −1).

    Args:
        fields: F.
        most: largest group, 2 to 4.
        learnable: let training move the signs; fixed by default.

    Example:
        >>> OrthogonalConvolution(5)(fields)        # [..., 5, 16] -> [..., 95, 16]

    Source: Niu et al., Structured Semantic Model supported Deep Neural Network, arXiv 1812.01353.
    """

    def __init__(self, fields: int, most: int = 4, learnable: bool = False, **kwargs):
        super().__init__(**kwargs)
        groups = [group for size in range(2, most + 1) for group in combinations(range(fields), size)]
        signs = [pattern for group in groups for pattern in _patterns(group, fields)]
        self.kernel = self.add_weight("kernel", (fields, len(signs)), trainable=learnable,
                                      initializer=keras.initializers.Constant(np.transpose(signs)))
        self.groups = [[group for group in groups if len(group) == size] for size in range(2, most + 1)]
        self.channels = len(signs) + len(groups)

    def call(self, fields: tf.Tensor) -> tf.Tensor:
        """`[..., F, d]` to `[..., channels, d]`: all sums first, then all products."""
        sums = tf.einsum("...fd,fc->...cd", fields, self.kernel)
        products = [tf.reduce_prod(tf.gather(fields, groups, axis=-2), -2) for groups in self.groups if groups]
        return tf.concat([sums, *products], -2)


def _patterns(group: tuple[int, ...], fields: int) -> list[np.ndarray]:
    """The sign patterns of one group of fields, as vectors over all fields."""
    plus = np.zeros(fields, np.float32)
    plus[list(group)] = 1
    one_minus = []
    for minus in reversed(group):
        pattern = plus.copy()
        pattern[minus] = -1
        one_minus.append(pattern)
    return [plus, one_minus[0]] if len(group) == 2 else one_minus


class MultiScalePooling(keras.layers.Layer):
    """Average pooling over the last axis with several windows: `Σ (⌊(d − w)/s⌋ + 1)` cells a channel.

    Args:
        width: d.
        windows: pairs (window w, stride s).
    """

    def __init__(self, width: int, windows: tuple[tuple[int, int], ...], **kwargs):
        super().__init__(**kwargs)
        cells = [(start, window) for window, stride in windows for start in range(0, width - window + 1, stride)]
        matrix = np.zeros((width, len(cells)), np.float32)
        for column, (start, window) in enumerate(cells):
            matrix[start:start + window, column] = 1 / window
        self.cells, self.matrix = len(cells), tf.constant(matrix)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """`[..., channels, d]` to `[..., channels·cells]`."""
        channels = values.shape[-2]
        pooled = tf.tensordot(values, self.matrix, 1)
        return tf.reshape(pooled, tf.concat([tf.shape(values)[:-2], [channels * self.cells]], 0))
