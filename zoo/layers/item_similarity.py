"""Similarity of a candidate to the items of a history, by two tables: FISM and NAIS."""

from __future__ import annotations

from typing import Literal

from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable


class ItemSimilarity(keras.layers.Layer):
    """`z_n = b_n + Σ_{t: i_t ≠ i_n} a_nt · p_tᵀq_n`, p from the history's table and q from the candidates'.

    `prod`: `f = hᵀ ReLU(W(p ⊙ q) + b)`; `concat`: `W[p; q]` there; `a = exp f / (Σ exp f)^β`, the smoothed softmax.
    `none` is FISM: `a = n^{−α}`, n the number of other items. The candidate itself never counts as history: in training it
    would be its own answer.

    Args:
        rows: of both tables.
        dim: of both tables.
        attention: `prod`, `concat` or `none`.
        hidden: width of attention.
        beta: β; 1 is an ordinary softmax, whose weights shrink with the length of the history.
        alpha: α of FISM.
        regularization: L2 on the rows of both tables in the batch, mean over requests.
        space: id space of the rows, as of `EmbeddingTable`.

    Source: He et al., NAIS: Neural Attentive Item Similarity Model for Recommendation, TKDE 2018.
    """

    def __init__(self, rows: int, dim: int, attention: Literal["prod", "concat", "none"], hidden: int, beta: float,
                 alpha: float, regularization: float, space: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.attention, self.beta, self.alpha, self.regularization = attention, beta, alpha, regularization
        self.history, self.target = (EmbeddingTable(rows, dim, 0.01, space=space) for _ in range(2))
        self.bias = EmbeddingTable(rows, 1, 0.0, space=space)
        if attention != "none":
            self.of_pair = keras.layers.Dense(hidden)
            if attention == "concat":
                self.of_history = keras.layers.Dense(hidden, use_bias=False)
            self.logit = keras.layers.Dense(1, use_bias=False)

    def call(self, past: tf.Tensor, mask: tf.Tensor, items: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`[R, N]` logits of `items [R, N]` for a history `past [R, T]` with its mask."""
        p, q = self.history(past), self.target(items)
        if training and self.regularization:
            weight = self.regularization / tf.cast(tf.shape(items)[0], tf.float32)
            self.add_loss(weight * (tf.nn.l2_loss(p * tf.expand_dims(mask, 2)) + tf.nn.l2_loss(q)))
        others = tf.expand_dims(mask, 1) * tf.cast(tf.expand_dims(past, 1) != tf.expand_dims(items, 2), tf.float32)
        weights = self.weights_of(p, q, others)
        similarity = tf.matmul(q, p, transpose_b=True)
        return tf.reduce_sum(weights * similarity, 2) + tf.squeeze(self.bias(items), -1)

    def weights_of(self, p: tf.Tensor, q: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """`[R, N, T]` weight of each past item for each candidate; zero where `others` is."""
        if self.attention == "none":
            count = tf.reduce_sum(others, 2, keepdims=True)
            return others * tf.pow(tf.maximum(count, 1.0), -self.alpha)
        if self.attention == "prod":
            hidden = self.of_pair(tf.expand_dims(q, 2) * tf.expand_dims(p, 1))
        else:
            hidden = tf.expand_dims(self.of_pair(q), 2) + tf.expand_dims(self.of_history(p), 1)
        return smoothed_softmax(tf.squeeze(self.logit(tf.nn.relu(hidden)), -1), others, self.beta)

    def start_from(self, other: ItemSimilarity) -> None:
        """Takes over the tables of another one, a trained FISM's."""
        for ours, theirs in ((self.history, other.history), (self.target, other.target), (self.bias, other.bias)):
            ours.table.assign(theirs.table)


def smoothed_softmax(logits: tf.Tensor, mask: tf.Tensor, beta: float) -> tf.Tensor:
    """`exp f / (Σ exp f)^β` over the last axis among the places where `mask` is 1; zero elsewhere.

    Taken as `exp(f − β·log Σ exp f)`: no sum of exponentials is formed that could overflow.
    """
    masked = tf.where(mask > 0, logits, -1e9)
    total = tf.reduce_logsumexp(masked, -1, keepdims=True)
    return tf.exp(tf.where(mask > 0, logits - beta * total, -1e9)) * mask
