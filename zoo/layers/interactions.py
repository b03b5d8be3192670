"""Fields of one width, and their interactions: factorisation machine, squeeze-and-excitation, bilinear."""

from __future__ import annotations

import itertools
from typing import Literal

from zoo.keras import keras, tf


def join_fields(request: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """`[R, N, F + G, D]` the request's fields `[R, F, D]` beside each candidate's `[R, N, G, D]`."""
    return tf.concat([tf.repeat(tf.expand_dims(request, 1), tf.shape(candidates)[1], 1), candidates], 2)


def merge_fields(fields: tf.Tensor) -> tf.Tensor:
    """`[..., F, D]` to `[..., F·D]`."""
    return tf.reshape(fields, tf.concat([tf.shape(fields)[:-2], [fields.shape[-2] * fields.shape[-1]]], 0))


class FactorizationMachine(keras.layers.Layer):
    """Second-order interactions of a request's and a candidate's fields.

    `Σ_{i<j} h·(v_i ⊙ v_j) = ½ h·((Σ v)² − Σ v²)`; the sums split into a request's part, computed once, and a candidate's.

    Args:
        weighted: learn h, one weight a coordinate that starts at 1, so that several machines over the same fields can differ;
            without it h is 1, and the sum is over inner products, as in the paper.

    Example:
        >>> FactorizationMachine()(request_fields, candidate_fields)    # [R, F, D], [R, N, G, D] -> [R, N]

    Source: Rendle, Factorization Machines, ICDM 2010.
    """

    def __init__(self, weighted: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.weighted = weighted

    def build(self, shape):
        if self.weighted:
            self.weight = self.add_weight("weight", (shape[-1],), initializer="ones")

    def call(self, request: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        total = tf.expand_dims(tf.reduce_sum(request, 1), 1) + tf.reduce_sum(candidates, 2)
        ours, theirs = tf.reduce_sum(tf.square(candidates), 2), tf.reduce_sum(tf.square(request), 1)
        products = 0.5 * (tf.square(total) - ours - tf.expand_dims(theirs, 1))
        return tf.reduce_sum(products * self.weight if self.weighted else products, -1)


class SqueezeExcitation(keras.layers.Layer):
    """SENET: fields re-weighted by what all fields say.

    `z_i = mean(e_i)`, `a = f(W₂·ReLU(W₁·z))`, `v_i = a_i·e_i`.

    Args:
        reduction: r; the hidden layer has ⌈fields / r⌉ units.
        gate: `relu` as in the paper, which can silence a field for good, or `sigmoid`, doubled so that it starts at 1.

    Source: Huang et al., FiBiNET, RecSys 2019, section 3.2.
    """

    def __init__(self, reduction: int = 3, gate: Literal["relu", "sigmoid"] = "sigmoid", **kwargs):
        super().__init__(**kwargs)
        self.reduction, self.gate = reduction, gate

    def build(self, shape):
        fields = shape[-2]
        self.squeeze = keras.layers.Dense(-(-fields // self.reduction), activation="relu")
        self.excite = keras.layers.Dense(fields, activation=self.gate)

    def call(self, fields: tf.Tensor) -> tf.Tensor:
        """`[..., F, D]` to the same shape."""
        return fields * tf.expand_dims(self.weights_of(fields), -1)

    def weights_of(self, fields: tf.Tensor) -> tf.Tensor:
        """`[..., F]` the weight of each field."""
        return self.excite(self.squeeze(tf.reduce_mean(fields, -1))) * (2.0 if self.gate == "sigmoid" else 1.0)


class LightSqueezeExcitation(keras.layers.Layer):
    """Fields re-weighted by one layer, beside themselves: `a = softmax(W·mean(e) + b)`, `v_i = e_i + a_i·e_i`.

    Source: Li et al., IntTower, CIKM 2022, section 3.3.
    """

    def build(self, shape):
        self.excite = keras.layers.Dense(shape[-2], activation="softmax")

    def call(self, fields: tf.Tensor) -> tf.Tensor:
        """`[..., F, D]` to the same shape."""
        return fields * (1.0 + tf.expand_dims(self.excite(tf.reduce_mean(fields, -1)), -1))


class BilinearInteraction(keras.layers.Layer):
    """One vector for each pair of fields: `p_ij = (v_i·W) ⊙ v_j`.

    Args:
        kind: `all` shares W, `each` has one for each left field, `interaction` one for each pair.

    Source: Huang et al., FiBiNET, RecSys 2019, section 3.3.
    """

    def __init__(self, kind: Literal["all", "each", "interaction"] = "each", **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def build(self, shape):
        fields, dim = shape[-2:]
        self.pairs = list(itertools.combinations(range(fields), 2))
        count = {"all": 1, "each": fields - 1, "interaction": len(self.pairs)}[self.kind]
        self.kernels = self.add_weight("kernels", (count, dim, dim), initializer="glorot_uniform")

    def call(self, fields: tf.Tensor) -> tf.Tensor:
        """`[..., F, D]` to `[..., F(F−1)/2, D]`."""
        left = tf.gather(fields, [i for i, _ in self.pairs], axis=-2)
        right = tf.gather(fields, [j for _, j in self.pairs], axis=-2)
        if self.kind == "all":
            turned = tf.tensordot(fields, self.kernels[0], 1)
            return tf.gather(turned, [i for i, _ in self.pairs], axis=-2) * right
        if self.kind == "each":
            turned = tf.einsum("...fd,fde->...fe", fields[..., :-1, :], self.kernels)
            return tf.gather(turned, [i for i, _ in self.pairs], axis=-2) * right
        return tf.einsum("...pd,pde->...pe", left, self.kernels) * right


class HadamardInteraction(keras.layers.Layer):
    """One vector for each pair of fields: `p_ij = v_i ⊙ v_j`; `[..., F, D]` to `[..., F(F−1)/2, D]`."""

    def call(self, fields: tf.Tensor) -> tf.Tensor:
        pairs = list(itertools.combinations(range(fields.shape[-2]), 2))
        return (tf.gather(fields, [i for i, _ in pairs], axis=-2) * tf.gather(fields, [j for _, j in pairs], axis=-2))
