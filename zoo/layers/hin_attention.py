"""Attention in a heterogeneous network: over a node's neighbours along a meta-path, and over the meta-paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zoo.keras import keras, tf
from zoo.layers.masking import masked_softmax, weighted_sum


class NodeAttention(keras.layers.Layer):
    """What a node's neighbours along one meta-path say: `h = Σ_k α_k·e_k`, `α = softmax_k(LeakyReLU(aᵀ[e; e_k]))`.

    The inner product of the pair is taken apart, `aᵀ[e; e_k] = a₁ᵀe + a₂ᵀe_k`, so that nothing is concatenated.

    Args:
        slope: of LeakyReLU below 0.

    Example:
        >>> NodeAttention()(user, neighbours, mask)        # [R, D], [R, K, D], [R, K] to [R, D]

    Source: Wang et al., Heterogeneous Graph Attention Network, WWW 2019, section 4.1.
    """

    def __init__(self, slope: float = 0.2, **kwargs):
        super().__init__(**kwargs)
        self.slope = slope
        self.of_node = keras.layers.Dense(1)
        self.of_neighbour = keras.layers.Dense(1, use_bias=False)

    def call(self, node: tf.Tensor, neighbours: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`[..., D]`, `[..., K, D]` and `[..., K]` to `[..., D]`; zero without neighbours."""
        return weighted_sum(self.weights_of(node, neighbours, mask), neighbours)

    def weights_of(self, node: tf.Tensor, neighbours: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`[..., K]` α; zero on padding."""
        logits = self.of_node(node) + tf.squeeze(self.of_neighbour(neighbours), -1)
        return masked_softmax(tf.nn.leaky_relu(logits, self.slope), mask)


class SemanticAttention(keras.layers.Layer):
    """What all meta-paths say together: `h = Σ_ρ β_ρ·h_ρ`, `β = softmax_ρ(⟨q, tanh(W·h_ρ + b)⟩)` over those with neighbours.

    In the paper q is one learned vector; here it is asked by the target, `q = q₀ + U·c`, so that which path counts depends on
    what is scored.

    Args:
        units: width of W.

    Example:
        >>> SemanticAttention(32)(paths, present, target)      # [R, N, P, D], [R, N, P], [R, N, C] to [R, N, D]

    Source: Wang et al., Heterogeneous Graph Attention Network, WWW 2019, section 4.2.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(units, activation="tanh")
        self.query = keras.layers.Dense(units)

    def call(self, paths: tf.Tensor, present: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """`[..., P, D]`, `[..., P]` 1 where a path has neighbours, and `[..., C]` to `[..., D]`; zero without any."""
        return weighted_sum(self.weights_of(paths, present, target), paths)

    def weights_of(self, paths: tf.Tensor, present: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """`[..., P]` β."""
        logits = tf.einsum("...pu,...u->...p", self.hidden(paths), self.query(target))
        return masked_softmax(logits, present)


class PathNeighbours(NamedTuple):
    """Nodes and their neighbours along a meta-path, embedded: `node [..., C]`, `vectors [..., K, D]`, `mask [..., K]`; K may
    be 0."""

    node: tf.Tensor
    vectors: tf.Tensor
    mask: tf.Tensor


class MetaPaths(NamedTuple):
    """What each meta-path says of a node, `paths [..., P, D]`, and 1 where the node has neighbours along it, `[..., P]`."""

    paths: tf.Tensor
    present: tf.Tensor


class NeighbourAttention(keras.layers.Layer):
    """Node-level attention along several meta-paths, each by weights of its own.

    Args:
        count: P, how many meta-paths.

    Example:
        >>> NeighbourAttention(2)([along_uiu, along_ulu]).paths       # [R, 2, D]

    Source: Wang et al., Heterogeneous Graph Attention Network, WWW 2019, section 4.1.
    """

    def __init__(self, count: int, **kwargs):
        super().__init__(**kwargs)
        self.attention = [NodeAttention() for _ in range(count)]

    def call(self, along: Sequence[PathNeighbours]) -> MetaPaths:
        paths = [attention(*neighbours) for attention, neighbours in zip(self.attention, along, strict=True)]
        present = [tf.minimum(tf.reduce_sum(neighbours.mask, -1), 1.0) for neighbours in along]
        return MetaPaths(tf.stack(paths, -2), tf.stack(present, -1))


class SemanticMean(keras.layers.Layer):
    """The mean of the meta-paths along which there are neighbours, whatever the target: what `SemanticAttention` has to beat.

    Example:
        >>> SemanticMean()(paths, present, target)      # [R, N, P, D], [R, N, P] to [R, N, D]
    """

    def call(self, paths: tf.Tensor, present: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """`[..., P, D]` and `[..., P]` to `[..., D]`; zero without any."""
        shares = tf.math.divide_no_nan(present, tf.reduce_sum(present, -1, keepdims=True))
        return weighted_sum(shares, paths)
