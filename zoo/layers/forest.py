"""Regression trees as tensors, so that a tree library's model is served as part of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.keras import keras, tf


class Forest(keras.layers.Layer):
    """K binary trees over rows of numbers: `x[feature] ≤ threshold` goes left.

    The trees are weights that no optimizer moves, filled by `set_trees`; before that, every tree is one leaf of value 0. A
    leaf leads to itself, so that all trees take the same number of steps.

    Args:
        trees: K.
        leaves: of each tree at most.
        depth: steps from the root to the deepest leaf at most.
    """

    def __init__(self, trees: int, leaves: int, depth: int, **kwargs):
        super().__init__(**kwargs)
        self.trees, self.nodes, self.depth = trees, 2 * leaves - 1, depth

        def weight(name: str, dtype: str) -> tf.Variable:
            return self.add_weight(name, (trees * self.nodes,), dtype=dtype, initializer="zeros", trainable=False)

        self.feature, self.left, self.right = (weight(name, "int32") for name in ("feature", "left", "right"))
        self.threshold, self.value = weight("threshold", "float32"), weight("value", "float32")
        for child in (self.left, self.right):
            child.assign(tf.range(trees * self.nodes))

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """`[..., F]` rows to `[..., K]` nodes: the leaf of each tree, unique over all trees."""
        flat = tf.reshape(rows, [-1, rows.shape[-1]])
        count = tf.shape(flat)[0]
        node = tf.tile(tf.expand_dims(tf.range(self.trees) * self.nodes, 0), [count, 1])
        for _ in range(self.depth):
            value = tf.gather(flat, tf.gather(self.feature, node), batch_dims=1)
            node = tf.where(value <= tf.gather(self.threshold, node), tf.gather(self.left, node), tf.gather(self.right, node))
        return tf.reshape(node, tf.concat([tf.shape(rows)[:-1], [self.trees]], 0))

    def total(self, leaves: tf.Tensor) -> tf.Tensor:
        """`[..., K]` leaves to `[...]`, the sum of their values."""
        return tf.reduce_sum(tf.gather(self.value, leaves), -1)

    def learned_numbers(self) -> int:
        """Thresholds and leaves of the trees that were grown."""
        splits = (self.left.numpy() != np.arange(self.trees * self.nodes)).reshape(self.trees, -1).sum(1)
        return int((2 * splits + 1)[splits > 0].sum())

    def set_trees(self, trees: list[dict[str, Any]]) -> None:
        """Fills in trees as LightGBM's `dump_model` gives them.

        Raises:
            ValueError: more trees, leaves or steps than there is room for, or a split of another kind.
        """
        if len(trees) > self.trees:
            raise ValueError(f"{len(trees)} trees were grown, and there is room for {self.trees}")
        columns = {name: np.zeros(self.trees * self.nodes, np.float64) for name in ("feature", "threshold", "value")}
        children = {name: np.arange(self.trees * self.nodes) for name in ("left", "right")}
        for number, tree in enumerate(trees):
            self._place(tree["tree_structure"], number * self.nodes, [number * self.nodes + 1], 0, columns, children)
        self.feature.assign(columns["feature"].astype(np.int32))
        # Rows are float32: compared with the largest float32 that is not above the library's float64 threshold.
        rounded = columns["threshold"].astype(np.float32)
        self.threshold.assign(np.where(rounded > columns["threshold"], np.nextafter(rounded, np.float32(-np.inf)), rounded))
        self.value.assign(columns["value"].astype(np.float32))
        for name, values in children.items():
            getattr(self, name).assign(values.astype(np.int32))

    def _place(self, node: dict[str, Any], at: int, free: list[int], depth: int, columns: dict[str, np.ndarray],
               children: dict[str, np.ndarray]) -> None:
        if "leaf_value" in node:
            columns["value"][at] = node["leaf_value"]
            return
        if node["decision_type"] != "<=":
            raise ValueError(f"a split by {node['decision_type']!r} can't be frozen; only <= can")
        if depth == self.depth or free[0] + 1 >= (at // self.nodes + 1) * self.nodes:
            raise ValueError(f"a tree is deeper than {self.depth} or has more than {(self.nodes + 1) // 2} leaves")
        columns["feature"][at], columns["threshold"][at] = node["split_feature"], node["threshold"]
        places = {"left": free[0], "right": free[0] + 1}
        free[0] += 2
        for side, place in places.items():
            children[side][at] = place
            self._place(node[f"{side}_child"], place, free, depth + 1, columns, children)
