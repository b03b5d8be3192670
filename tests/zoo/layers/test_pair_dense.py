"""The first layer over pairs: both ways against the concatenation, values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.embeddings import Behaviours, Candidates, same_ids
from zoo.layers.pair_dense import PairDense


def inputs(context: int = 2, lengths=(4, 1, 0)):
    rng = np.random.default_rng(0)
    query, keys = (tf.constant(rng.normal(size=(3, n, 5)), tf.float32) for n in (2, 4))
    others = tf.constant(rng.normal(size=(3, 4, context)), tf.float32)
    ids, past = (tf.constant(rng.integers(0, 4, (3, n, 2))) for n in (2, 4))
    return (Candidates(query, query, tf.ones((3, 2)), ids),
            Behaviours(keys, others, tf.sequence_mask(lengths, 4, dtype=tf.float32), past))


def explicit(layer, candidates, behaviours):
    """`[R, N, T, H]` by concatenation."""
    query, key = tf.expand_dims(candidates.query, 2), tf.expand_dims(behaviours.keys, 1)
    parts = [query + 0 * key, key + 0 * query, query * key]
    parts.append(tf.expand_dims(behaviours.context, 1) + 0 * query[..., :1])
    if layer.match:
        parts.append(same_ids(tf.expand_dims(candidates.ids, 2), tf.expand_dims(behaviours.ids, 1)))
    return tf.tensordot(tf.concat(parts, -1), layer.kernel, 1) + layer.bias


def laid_out(rows, pairs):
    """`[3, 2, 4, 3]`."""
    return tf.stack([pairs.laid_out(column, (3, 2, 4)) for column in tf.unstack(rows, axis=1)], -1)


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("match", [False, True])
@pytest.mark.parametrize("dense_from", [0.0, 1.1], ids=["all", "real"])
def test_equals_the_concatenation_with_its_gradients(monkeypatch, dense_from, match, context):
    monkeypatch.setattr(PairDense, "DENSE_FROM", dense_from)
    candidates, behaviours = inputs(context)
    layer = PairDense(3, match)
    layer(candidates, behaviours)
    layer.bias.assign([0.1, -0.2, 0.3])
    mask = tf.expand_dims(behaviours.mask, 1) * tf.expand_dims(candidates.mask, 2)
    sources = [candidates.query, behaviours.keys, behaviours.context, *layer.weights]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(sources[:3])
        rows, pairs = layer(candidates, behaviours)
        ours = laid_out(rows, pairs) * mask[..., tf.newaxis]
        theirs = explicit(layer, candidates, behaviours) * mask[..., tf.newaxis]
        losses = [tf.reduce_sum(tf.sin(values)) for values in (ours, theirs)]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert len(rows) == (24 if dense_from == 0 else 2 * 5)
    for source, mine, its in zip(sources, *(tape.gradient(loss, sources) for loss in losses), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5, err_msg=str(source.shape))


@pytest.mark.parametrize("lengths", [(4, 4, 4), (4, 4, 2), (1, 0, 0), (0, 0, 0)])
def test_the_choice_of_the_way_changes_nothing(monkeypatch, lengths):
    candidates, behaviours = inputs(lengths=lengths)
    layer, found = PairDense(3, True), []
    for dense_from in (0.0, 1.1, PairDense.DENSE_FROM):
        monkeypatch.setattr(PairDense, "DENSE_FROM", dense_from)
        values = laid_out(*tf.function(layer.__call__)(candidates, behaviours))
        found.append(values * tf.reshape(behaviours.mask, (3, 1, 4, 1)))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)


@pytest.mark.parametrize("dense_from", [0.0, 1.1], ids=["all", "real"])
def test_static_shapes_in_a_graph(monkeypatch, dense_from):
    """Shapes known while the graph is made, as none are in training, must not be taken for those of the other way."""
    monkeypatch.setattr(PairDense, "DENSE_FROM", dense_from)
    candidates, behaviours = inputs()
    layer = PairDense(3, True)
    layer(candidates, behaviours)

    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(candidates.query)
            rows, pairs = layer(candidates, behaviours)
            total = tf.reduce_sum(tf.sin(pairs.laid_out(tf.squeeze(tf.reduce_sum(rows, 1, keepdims=True), 1), (3, 2, 4))))
        return tape.gradient(total, [candidates.query, *layer.weights])

    for graph, eager in zip(tf.function(gradients)(), gradients(), strict=True):
        np.testing.assert_allclose(graph, eager, atol=1e-5)
