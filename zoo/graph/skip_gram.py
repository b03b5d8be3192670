"""Skip-gram over the nodes of a typed graph, with negatives of the context's own type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.batch import Batch, Tensors
from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.randomness import Randomness
from zoo.layers.variables import variable_groups
from zoo.optimizers import OptimizerConfig

CENTER, CONTEXT, TYPE = "center", "context", "type"


class SkipGram(keras.Model):
    """`L = −log σ(⟨x_v, c_u⟩) − Σ_{k≤K} log σ(−⟨x_v, c_{n_k}⟩)` for a node v with u in its window.

    The negatives n are drawn from the nodes of u's type alone, by `p(n) ∝ count(n)^power`: what metapath2vec++ adds. Nodes of
    all types have numbers of one range, type after type, so that there is one table of nodes and one of contexts, which begins
    with zeros.

    Args:
        counts: of each type's nodes in the walks, in the order of their numbers; the order of types is that of the numbers.
        dim: width of the vectors.
        negatives: K.
        power: of the counts.

    Source: Dong et al., metapath2vec, KDD 2017, section 3.3; Mikolov et al., Distributed Representations, NIPS 2013.
    """

    optimizers: Mapping[str, OptimizerConfig] = {"embedding": OptimizerConfig(name="lazy_adam", learning_rate=0.002)}

    def __init__(self, counts: Mapping[str, np.ndarray], dim: int, negatives: int = 5, power: float = 0.75, **kwargs: Any):
        super().__init__(**kwargs)
        sizes = [len(of_type) for of_type in counts.values()]
        self.first = dict(zip(counts, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        self.negatives = negatives
        self.nodes = EmbeddingTable(sum(sizes), dim, 0.5 / dim, name="nodes")
        self.contexts = EmbeddingTable(sum(sizes), dim, 0.0, name="contexts")
        self.randomness = Randomness()
        # Each type's part of the sums ends where the next one's begins, and a draw falls into one part.
        powers = [np.asarray(of_type, np.float64) ** power for of_type in counts.values()]
        sums = np.cumsum(np.concatenate(powers))
        ends = np.cumsum([of_type.sum() for of_type in powers])
        self.sums = tf.constant(sums)
        self.parts = tf.constant(np.stack([np.r_[0.0, ends[:-1]], ends], 1))

    def call(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        """`positive [B]` and `negative [B, K]` inner products."""
        vectors = self.nodes(inputs[CENTER])
        positive = tf.reduce_sum(vectors * self.contexts(inputs[CONTEXT]), -1)
        drawn = self.contexts(self.draw(inputs[TYPE]))
        return {"positive": positive, "negative": tf.einsum("bd,bkd->bk", vectors, drawn)}

    def draw(self, types: tf.Tensor) -> tf.Tensor:
        """`[B, K]` numbers of nodes of each one's type."""
        part = tf.gather(self.parts, types)
        where = self.randomness.uniform((tf.shape(types)[0], self.negatives), dtype=tf.float64)
        place = part[:, :1] + where * (part[:, 1:] - part[:, :1])
        found = tf.searchsorted(self.sums, tf.reshape(place, [-1]), side="right", out_type=tf.int64)
        return tf.reshape(found, tf.shape(place))

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """The mean over the pairs."""
        return tf.reduce_mean(tf.nn.softplus(-outputs["positive"]) + tf.reduce_sum(tf.nn.softplus(outputs["negative"]), -1))

    def penalties(self, batch: Batch) -> tf.Tensor:
        """None."""
        return tf.constant(0.0)

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        """Both tables by one optimizer."""
        return variable_groups(self)

    def vectors(self, kind: str, count: int) -> np.ndarray:
        """`[count, dim]` of the nodes of a type."""
        first = self.first[kind]
        return self.nodes.table[first:first + count].numpy()
