"""The HIN encoder for ratings: a user and a book by their own vectors and by their neighbours along meta-paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from zoo.config import Config
from zoo.data.batch import Batch, Tensors
from zoo.graph import Graph, MetaPath
from zoo.graph.neighbours import NeighbourConfig, neighbour_blocks
from zoo.keras import keras, tf
from zoo.layers.dense import MLP
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.hin_attention import NeighbourAttention, PathNeighbours, SemanticAttention
from zoo.layers.randomness import Randomness
from zoo.layers.variables import variable_groups
from zoo.optimizers import OptimizerConfig
from zoo.training.loop import TrainingLoop
from zoo.training.optimizers import GroupedOptimizer

USER, BOOK = "user", "book"
PATHS = {USER: ("user-(friend)-user", "user-location-user"),
         BOOK: ("book-author-book", "book-publisher-book", "book-year-book", "book-(^rated)-user-(rated)-book")}


class Ratings(NamedTuple):
    """Numbers of users and books, -1 where the graph has none, and what the user gave, `[n]` each."""

    users: np.ndarray
    books: np.ndarray
    values: np.ndarray


def counted(train: Ratings, sizes: Mapping[str, int], prior: float) -> dict[str, np.ndarray]:
    """Shrunken means of what a book gets beyond the mean, and a user gives beyond that: `Σ rest / (n + prior)`, by type.

    Args:
        train: ratings that are counted.
        sizes: how many users and books.
        prior: ratings of 0 beyond that everyone begins with.
    """
    rest, found = train.values - train.values.mean(), {}
    for kind, ids in ((BOOK, train.books), (USER, train.users)):
        found[kind] = np.bincount(ids, rest, sizes[kind]) / (np.bincount(ids, minlength=sizes[kind]) + prior)
        rest = rest - found[kind][ids]
    return found


class RatingConfig(Config):
    """Args:
        neighbours: K, of each node along each meta-path.
        unknown: share of the samples in training whose user is taken for one that nobody knows a rating of.
        units: of the head.
        prior: of `counted`, where biases begin.
        batch_size: ratings a step.
        epochs: at most; the best one on the ratings kept aside is taken.
        seed: of order and draws.
    """

    neighbours: int = 10
    unknown: float = 0.3
    units: tuple[int, ...] = (64, 32)
    prior: float = 5.0
    batch_size: int = 1024
    epochs: int = 10
    seed: int = 1


class RatingEncoder(keras.Model):
    """`r(u, b) = μ + β_u + β_b + MLP([z_u; z_b; z_u ⊙ z_b])`, `z = [e; h]`, h the HIN attention asked by the other one.

    A user without a rating has neither β nor e of its own, and in training a share of the users is treated so. The MLP's last
    layer begins with zeros, so that the first guess is what counting alone says.

    Args:
        start: `[n, D]` vectors by type that the tables begin with.
        biases: `[n]` by type, where β begins.
        tables: by type, `[n, K]` neighbours of each meta-path, -1 where there are fewer.
        known: `[users]` whether a rating of the user is learned from.
        mean: μ.
        config: how to learn.
    """

    optimizers: Mapping[str, OptimizerConfig] = {
        "dense": OptimizerConfig(name="adam", learning_rate=1e-3),
        "embedding": OptimizerConfig(name="lazy_adam", learning_rate=1e-3)}

    def __init__(self, start: Mapping[str, np.ndarray], biases: Mapping[str, np.ndarray],
                 tables: Mapping[str, list[np.ndarray]], known: np.ndarray, mean: float, config: RatingConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.settings, self.mean = config, mean
        self.known = tf.constant(known, tf.float32)
        self.neighbours = {kind: [tf.constant(table, tf.int64) for table in of_kind] for kind, of_kind in tables.items()}
        self.vectors, self.biases, self.attention, self.semantic = {}, {}, {}, {}
        for kind, values in start.items():
            count, dim = values.shape
            self.vectors[kind] = EmbeddingTable(count, dim, 0.0, name=f"vectors_{kind}")
            self.vectors[kind].fill(np.arange(count), values)
            self.biases[kind] = EmbeddingTable(count, 1, 0.0, name=f"biases_{kind}")
            self.biases[kind].fill(np.arange(count), biases[kind][:, None].astype(np.float32))
            self.attention[kind] = NeighbourAttention(len(tables[kind]))
            self.semantic[kind] = SemanticAttention(dim)
        self.mlp, self.out = MLP(config.units, "relu", 0.2), keras.layers.Dense(1, kernel_initializer="zeros")
        self.randomness = Randomness()

    def call(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        """`rating [B]`."""
        ids = {kind: tf.maximum(inputs[kind], 0) for kind in (USER, BOOK)}
        there = {kind: tf.cast(inputs[kind] >= 0, tf.float32) for kind in (USER, BOOK)}
        there[USER] *= tf.gather(self.known, ids[USER])
        if training:
            there[USER] *= tf.cast(self.randomness.uniform(tf.shape(ids[USER])) >= self.settings.unknown, tf.float32)
        own = {kind: self.vectors[kind](of_kind) * there[kind][:, None] for kind, of_kind in ids.items()}
        encoded = {kind: tf.concat([own[kind], self._around(kind, ids[kind], own[kind], own[other], inputs[kind] >= 0)], -1)
                   for kind, other in ((USER, BOOK), (BOOK, USER))}
        bias = sum(tf.squeeze(self.biases[kind](of_kind), -1) * there[kind] for kind, of_kind in ids.items())
        user, book = encoded[USER], encoded[BOOK]
        return {"rating": self.mean + bias + tf.squeeze(self.out(self.mlp([tf.concat([user, book, user * book], -1)])), -1)}

    def _around(self, kind: str, ids: tf.Tensor, own: tf.Tensor, target: tf.Tensor, there: tf.Tensor) -> tf.Tensor:
        along = []
        for table in self.neighbours[kind]:
            found = tf.gather(table, ids)
            mask = tf.cast((found >= 0) & there[:, None], tf.float32)
            # Neighbours don't learn: they would keep in mind what those around whom they stand gave, and nothing of new ones.
            along.append(PathNeighbours(own, tf.stop_gradient(self.vectors[kind](tf.maximum(found, 0))), mask))
        return self.semantic[kind](*self.attention[kind](along), target)

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """Mean squared error."""
        return tf.reduce_mean(tf.square(outputs["rating"] - batch.labels["rating"]))

    def penalties(self, batch: Batch) -> tf.Tensor:
        """L2 of the rows of the batch."""
        rows = [tables[kind](tf.maximum(batch.inputs[kind], 0)) for tables in (self.vectors, self.biases) for kind in tables]
        return 1e-4 * sum(tf.reduce_mean(tf.reduce_sum(tf.square(row), -1)) for row in rows)

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        """By the layers."""
        return variable_groups(self)


def learn(graph: Graph, start: Mapping[str, np.ndarray], train: Ratings, chosen: Ratings, config: RatingConfig
          ) -> Callable[[Ratings], np.ndarray]:
    """Learns from ratings.

    Args:
        graph: of users and books.
        start: vectors that they begin with.
        train: ratings to learn from.
        chosen: ratings that choose the epoch.
        config: how to learn.

    Returns:
        A function of ratings' users and books to guesses.
    """
    keras.utils.set_random_seed(config.seed)
    settings = NeighbourConfig(neighbours=config.neighbours, seed=config.seed)
    tables = {kind: [np.concatenate([block.nodes for block in neighbour_blocks(graph, MetaPath.of(path, graph), settings)])
                     for path in paths] for kind, paths in PATHS.items()}
    known = np.bincount(train.users, minlength=len(start[USER])) > 0
    biases = counted(train, {kind: len(vectors) for kind, vectors in start.items()}, config.prior)
    model = RatingEncoder(start, biases, tables, known, float(train.values.mean()), config)
    model({USER: tf.zeros([1], tf.int64), BOOK: tf.zeros([1], tf.int64)})
    rate = tf.function(lambda user, book: model({USER: user, BOOK: book})["rating"], reduce_retracing=True)

    def guess(part: Ratings) -> np.ndarray:
        return np.concatenate([rate(*(tf.constant(side[first:first + 4096], tf.int64) for side in part[:2])).numpy()
                               for first in range(0, len(part.values), 4096)])

    loop, best, weights = TrainingLoop(model, GroupedOptimizer(model)), np.inf, model.get_weights()
    for epoch in range(config.epochs):
        loop.reset()
        loop.run(_batches(train, config, epoch))
        error = float(np.sqrt(np.mean((guess(chosen) - chosen.values) ** 2)))
        print(f"epoch {epoch + 1}: loss {loop.losses()['loss']:.4f}, kept aside {error:.4f}", flush=True)
        if error < best:
            best, weights = error, model.get_weights()
    model.set_weights(weights)
    return guess


def _batches(train: Ratings, config: RatingConfig, epoch: int) -> tf.data.Dataset:
    order = np.random.default_rng([config.seed, epoch]).permutation(len(train.values))

    def batches() -> Iterator[Any]:
        for first in range(0, len(order), config.batch_size):
            rows = order[first:first + config.batch_size]
            yield Batch({USER: train.users[rows], BOOK: train.books[rows]}, {"rating": train.values[rows]}, {}, {})

    ids = tf.TensorSpec([None], tf.int64)
    signature = Batch({USER: ids, BOOK: ids}, {"rating": tf.TensorSpec([None], tf.float32)}, {}, {})
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2)
