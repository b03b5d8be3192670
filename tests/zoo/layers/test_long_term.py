"""Category aggregates and embedded numbers, by hand."""

from __future__ import annotations

import numpy as np

from zoo.keras import tf
from zoo.layers.behaviours import Behaviours
from zoo.layers.long_term import CategoryAggregates, NumberEmbeddings, count_bucket
from zoo.schema import Column, Feature


def test_one_entry_a_category_where_its_last_event_stood():
    ids = tf.constant([[[4], [5], [4], [4], [1], [1], [5]]], tf.int64)
    keys = tf.reshape(tf.range(7.0), [1, 7, 1])
    mask = tf.sequence_mask([6], 7, dtype=tf.float32)      # the second 5 is padding
    layer = CategoryAggregates(0, 1)
    layer.counts.table.assign(tf.reshape(tf.range(12.0), [12, 1]))
    entries = layer(Behaviours(keys, keys[..., :0], mask, ids))
    # Category 5 at place 1, category 4 (three events: bucket 1) at place 3, both unknown ones for themselves.
    assert entries.mask.numpy().tolist() == [[0, 1, 0, 1, 1, 1, 0]]
    assert entries.context[0, :, 0].numpy()[[1, 3, 4, 5]].tolist() == [0, 1, 0, 0]


def test_count_buckets_are_powers_of_two():
    counts = tf.constant([0.0, 1, 2, 3, 4, 7, 8, 1e9])
    assert count_bucket(counts).numpy().tolist() == [0, 0, 1, 1, 2, 2, 3, 11]


def test_numbers_lie_on_lines_of_their_own():
    columns = [Column("a", "candidate", None, Feature(name="a", kind="number")),
               Column("b", "candidate", None, Feature(name="b", kind="number", width=2)),
               Column("c", "candidate", None, Feature(name="c", space="c"))]
    layer = NumberEmbeddings(columns, 2)
    layer.slopes["a"].assign([[1.0, 2]])
    layer.offsets["a"].assign([[10.0, 20]])
    layer.slopes["b"].assign([[1.0, 1], [2, 2]])
    layer.offsets["b"].assign(tf.zeros((2, 2)))
    a, b = layer({"a": tf.constant([[3.0]]), "b": tf.constant([[[1.0, 5.0]]])})
    np.testing.assert_allclose(a, [[[13, 26]]])
    np.testing.assert_allclose(b, [[[1, 1, 10, 10]]])
