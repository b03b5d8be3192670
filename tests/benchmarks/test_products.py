"""The floor of the benchmark of serving is made of the products that a graph really computes."""

from __future__ import annotations

import numpy as np

from benchmarks.products import alone, flops, products_of
from zoo.keras import tf


class Three(tf.Module):
    """A product, one of a batch with its second operand transposed, one by einsum, and one in a branch that is not taken."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.ones([4, 8]))

    @tf.function
    def rank(self, x):
        rows = tf.nn.relu(tf.matmul(x, self.weights) + 1.0)
        pairs = tf.matmul(tf.reshape(rows, [2, -1, 8]), tf.ones([2, 5, 8]), transpose_b=True)
        pairs = tf.cond(tf.shape(x)[0] > 1000, lambda: tf.matmul(pairs, tf.ones([2, 5, 5])), lambda: pairs)
        return {"y": tf.einsum("bnm,mk->bnk", pairs, tf.ones([5, 3]))}


def test_products_are_found_with_their_shapes(tmp_path):
    module = Three()
    signature = module.rank.get_concrete_function(tf.TensorSpec([None, 4], tf.float32, "x"))
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"rank": signature})
    found = products_of(tmp_path / "1", "rank", {"x": np.ones([6, 4], np.float32)})
    assert flops(found) == 2 * (6 * 4 * 8 + 2 * 3 * 8 * 5 + 2 * 3 * 5 * 3)
    assert ((6, 4), (4, 8)) in [product[:2] for product in found]
    results = alone(found)()
    assert sorted(int(tf.size(one)) for one in results) == sorted([6 * 8, 2 * 3 * 5, 2 * 3 * 3])
