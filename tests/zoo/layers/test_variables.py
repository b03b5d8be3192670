"""Groups of variables: what a layer says holds for its sublayers, unless they say it themselves."""

from __future__ import annotations

from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.variables import variable_groups


class Inner(keras.layers.Layer):
    """Says nothing of its own."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, use_bias=False)
        self.frozen = EmbeddingTable(3, 1, frozen=True)
        self.table = EmbeddingTable(3, 1)

    def call(self, rows):
        return self.dense(rows) + self.table(tf.constant([1]))


class Outer(keras.layers.Layer):
    """A wide layer with a weight, an inner layer that says nothing, and one that is shared."""

    optimizer_group = "wide"

    def __init__(self, shared: keras.layers.Layer):
        super().__init__()
        self.weight = self.add_weight("weight", ())
        self.inner, self.shared = Inner(), shared

    def call(self, rows):
        return self.weight * self.shared(self.inner(rows))


def test_a_group_holds_for_what_is_below_and_each_variable_has_one():
    model = keras.Sequential([shared := keras.layers.Dense(1, use_bias=False), Outer(shared)])
    model(tf.ones((1, 1)))
    groups = variable_groups(model)
    outer = model.layers[1]
    assert {name: {v.ref() for v in group} for name, group in groups.items()} == {
        "wide": {outer.weight.ref(), outer.inner.dense.kernel.ref()}, "embedding": {outer.inner.table.table.ref()},
        "dense": {shared.kernel.ref()}}
    assert sum(map(len, groups.values())) == len(model.trainable_variables)
