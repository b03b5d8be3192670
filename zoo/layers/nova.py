"""NOVA: side information says what to look at in a history, and never enters what is seen."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config
from zoo.keras import keras, tf
from zoo.layers.masking import masked_softmax


class NovaConfig(Config):
    """Args:
        fusion: how an event's id and its side information become one vector for query and key: `add`, `concat` (a linear layer
            over all of them) or `gating` (their sum, each times a gate of its own).
        heads: of the attention.
        blocks: one above the other; every one of them gets the same side information.
    """

    fusion: Literal["add", "concat", "gating"] = "gating"
    heads: int = pydantic.Field(default=2, ge=1)
    blocks: int = pydantic.Field(default=1, ge=1)


class FieldFusion(keras.layers.Layer):
    """`[R, T, D]` of events from their fields `[R, T, F, D]`.

    `add`: `Σ_f x_f`; `concat`: `W·[x_1; …; x_F] + b`; `gating`: `Σ_f σ(⟨w, x_f⟩)·x_f`.

    Args:
        kind: one of these.
    """

    def __init__(self, kind: Literal["add", "concat", "gating"], **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def build(self, shape):
        if self.kind == "concat":
            self.joined = keras.layers.Dense(shape[-1])
        elif self.kind == "gating":
            self.gate = self.add_weight("gate", (shape[-1], 1), initializer="glorot_uniform")

    def call(self, fields: tf.Tensor) -> tf.Tensor:
        if self.kind == "add":
            return tf.reduce_sum(fields, -2)
        if self.kind == "concat":
            flat = tf.concat([tf.shape(fields)[:-2], [fields.shape[-2] * fields.shape[-1]]], 0)
            return self.joined(tf.reshape(fields, flat))
        return tf.reduce_sum(tf.sigmoid(tf.tensordot(fields, self.gate, 1)) * fields, -2)


class NovaBlock(keras.layers.Layer):
    """Self-attention whose queries and keys know side information, and whose values are the ids alone.

    `Q = X·W_Q`, `K = X·W_K` with `X = fusion(h, s_1, …, s_F)`, `V = h·W_V`, `A = softmax(QKᵀ/√d)·V` over the real events,
    `h ← norm(h + A·W_O)`, `h ← norm(h + FFN(h))`, FFN with one ReLU layer of the same width.

    Args:
        config: fusion and heads.

    Example:
        >>> NovaBlock(NovaConfig(heads=2))(ids, side, mask)     # [R, T, D], [R, T, F, D], [R, T] -> [R, T, D]

    Source: Liu et al., Non-invasive Self-attention for Side Information Fusion, AAAI 2021, section 4.
    """

    def __init__(self, config: NovaConfig, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.fusion = config.heads, FieldFusion(config.fusion)

    def build(self, shape):
        dim = shape[-1]
        if dim % self.heads:
            raise ValueError(f"{self.heads} heads can't share {dim} numbers evenly; choose nova.heads that divide "
                             "embedding.dim")
        self.query, self.key, self.value, self.out = (keras.layers.Dense(dim, use_bias=False) for _ in range(4))
        self.forward = [keras.layers.Dense(dim, activation="relu"), keras.layers.Dense(dim)]
        self.norms = [keras.layers.LayerNormalization() for _ in range(2)]

    def call(self, ids: tf.Tensor, side: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        fused = self.fusion(tf.concat([tf.expand_dims(ids, 2), side], 2))
        query, key, value = (self._by_head(layer(part)) for layer, part in
                             ((self.query, fused), (self.key, fused), (self.value, ids)))
        logits = tf.matmul(query, key, transpose_b=True) / tf.sqrt(float(query.shape[-1]))
        seen = tf.matmul(masked_softmax(logits, mask[:, tf.newaxis, tf.newaxis]), value)
        seen = tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), tf.shape(ids))
        hidden = self.norms[0](ids + self.out(seen))
        return self.norms[1](hidden + self.forward[1](self.forward[0](hidden)))

    def _by_head(self, values: tf.Tensor) -> tf.Tensor:
        """`[R, T, D]` to `[R, H, T, D/H]`."""
        shape = tf.shape(values)
        split = tf.reshape(values, [shape[0], shape[1], self.heads, values.shape[-1] // self.heads])
        return tf.transpose(split, [0, 2, 1, 3])
