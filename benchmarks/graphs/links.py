"""The HIN encoder for links: node-level attention over sampled neighbours, semantic attention asked by the type of edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.config import Config
from zoo.data.batch import Batch, Tensors
from zoo.graph import Graph, MetaPath
from zoo.graph.neighbours import NeighbourConfig, neighbour_blocks
from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.hin_attention import NeighbourAttention, PathNeighbours, SemanticAttention
from zoo.layers.variables import variable_groups
from zoo.optimizers import OptimizerConfig
from zoo.training.loop import TrainingLoop
from zoo.training.optimizers import GroupedOptimizer

LEFT, RIGHT, KIND = "left", "right", "kind"


class LinkConfig(Config):
    """Args:
        neighbours: K, of each node along each meta-path.
        batch_size: edges a step; the other ends of its edges of the same type are each edge's negatives.
        epochs: passes over the edges.
        temperature: cosines are divided by it.
        seed: of draws and order.
    """

    neighbours: int = 5
    batch_size: int = 1024
    epochs: int = 3
    temperature: float = 0.2
    seed: int = 1


class LinkEncoder(keras.Model):
    """`s_r(u, v) = cos(z_u^r, z_v^r)`, `z_u^r = e_u + W·h_u^r`, h the HIN attention over u's neighbours asked by the type r.

    A pair is scored without each other among the neighbours: an edge to be found out is never one's own neighbour.

    Args:
        start: `[n, D]` vectors that the table begins with.
        tables: `[n, K]` neighbours of each meta-path, -1 where there are fewer.
        kinds: how many types of edges.
        config: how to learn.
    """

    optimizers: Mapping[str, OptimizerConfig] = {
        "dense": OptimizerConfig(name="adam", learning_rate=1e-3),
        "embedding": OptimizerConfig(name="lazy_adam", learning_rate=1e-3)}

    def __init__(self, start: np.ndarray, tables: Sequence[np.ndarray], kinds: int, config: LinkConfig, **kwargs: Any):
        super().__init__(**kwargs)
        count, dim = start.shape
        self.settings = config
        self.nodes = EmbeddingTable(count, dim, 0.0, name="nodes")
        self.nodes.fill(np.arange(count), start)
        self.kinds = EmbeddingTable(kinds, dim, 0.1, name="kinds")
        self.tables = [tf.constant(table, tf.int64) for table in tables]
        self.attention, self.semantic = NeighbourAttention(len(tables)), SemanticAttention(dim)
        self.mixed = keras.layers.Dense(dim, use_bias=False)

    def encode(self, nodes: tf.Tensor, others: tf.Tensor, kinds: tf.Tensor) -> tf.Tensor:
        """`[B, D]` of nodes, as one end of an edge of a kind to the others."""
        found = [tf.gather(table, nodes) for table in self.tables]
        own = self.nodes(nodes)
        along = [PathNeighbours(own, self.nodes(tf.maximum(ids, 0)),
                                tf.cast((ids >= 0) & (ids != others[:, None]), tf.float32)) for ids in found]
        level = self.attention(along)
        return tf.math.l2_normalize(own + self.mixed(self.semantic(*level, self.kinds(kinds))), -1)

    def pairs(self, left: tf.Tensor, right: tf.Tensor, kinds: tf.Tensor) -> tf.Tensor:
        """`[B]` cosines."""
        return tf.reduce_sum(self.encode(left, right, kinds) * self.encode(right, left, kinds), -1)

    def call(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        """`logits [B, B]` of each edge's left end with all right ends, far below zero where that is no negative."""
        left, right, kinds = (inputs[name] for name in (LEFT, RIGHT, KIND))
        ends = self.encode(left, right, kinds), self.encode(right, left, kinds)
        logits = tf.matmul(*ends, transpose_b=True) / self.settings.temperature
        # Another edge to the same node is none, and the node itself is not either.
        positive = tf.eye(tf.shape(left)[0]) > 0
        wrong = (right[None, :] == right[:, None]) | (right[None, :] == left[:, None]) | (kinds[None, :] != kinds[:, None])
        return {"logits": tf.where(wrong & ~positive, -1e9, logits)}

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """Softmax of each edge among the other ends of the batch."""
        return -tf.reduce_mean(tf.linalg.diag_part(tf.nn.log_softmax(outputs["logits"])))

    def penalties(self, batch: Batch) -> tf.Tensor:
        """None."""
        return tf.constant(0.0)

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        """By the layers."""
        return variable_groups(self)


def link_scores(graph: Graph, relations: Sequence[str], pairs: np.ndarray, kinds: np.ndarray, start: np.ndarray,
                config: LinkConfig) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Learns from the edges of a graph.

    Args:
        graph: of products.
        relations: types of edges.
        pairs: `[n, 2]` the edges.
        kinds: `[n]` their types, from 0 on.
        start: vectors that the nodes begin with.
        config: how to learn.

    Returns:
        A function of pairs and types to scores.
    """
    keras.utils.set_random_seed(config.seed)
    paths = [f"product-({one})-product" for one in relations]
    paths += [f"product-({one})-product-({one})-product" for one in relations]
    settings = NeighbourConfig(neighbours=config.neighbours, seed=config.seed)
    tables = [np.concatenate([block.nodes for block in neighbour_blocks(graph, MetaPath.of(path, graph), settings)])
              for path in paths]
    model = LinkEncoder(start, tables, len(relations), config)
    model({LEFT: tf.zeros([1], tf.int64), RIGHT: tf.ones([1], tf.int64), KIND: tf.zeros([1], tf.int64)})
    loop = TrainingLoop(model, GroupedOptimizer(model))
    for epoch in range(config.epochs):
        loop.reset()
        loop.run(_batches(pairs, kinds, config, epoch))
        print(f"epoch {epoch + 1}: loss {loop.losses()['loss']:.4f}", flush=True)
    score = tf.function(model.pairs, reduce_retracing=True)

    def scores(left_right: np.ndarray, of_kind: np.ndarray) -> np.ndarray:
        parts = range(0, len(left_right), 4096)
        return np.concatenate([score(*(tf.constant(values[first:first + 4096], tf.int64) for values in (
            left_right[:, 0], left_right[:, 1], of_kind))).numpy() for first in parts])

    return scores


def _batches(pairs: np.ndarray, kinds: np.ndarray, config: LinkConfig, epoch: int) -> tf.data.Dataset:
    order = np.random.default_rng([config.seed, epoch]).permutation(2 * len(pairs))
    # Both ends of an edge have their turn with drawn partners.
    both, doubled = np.concatenate([pairs, pairs[:, ::-1]])[order], np.concatenate([kinds, kinds])[order]

    def batches() -> Iterator[Any]:
        for first in range(0, len(both), config.batch_size):
            part = slice(first, first + config.batch_size)
            yield Batch({LEFT: both[part, 0], RIGHT: both[part, 1], KIND: doubled[part]}, {}, {}, {})

    signature = Batch({name: tf.TensorSpec([None], tf.int64) for name in (LEFT, RIGHT, KIND)}, {}, {}, {})
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2)
