"""The first layer over pairs: both ways against the concatenation, values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, same_ids
from zoo.layers.pair_dense import EveryPair, PairDense, RealPairs, SomePairs


def inputs(context: int = 2, lengths=(4, 1, 0)):
    rng = np.random.default_rng(0)
    query, keys = (tf.constant(rng.normal(size=(3, n, 5)), tf.float32) for n in (2, 4))
    others = tf.constant(rng.normal(size=(3, 4, context)), tf.float32)
    ids, past = (tf.constant(rng.integers(0, 4, (3, n, 2))) for n in (2, 4))
    return (EmbeddedCandidates(query, query, tf.ones((3, 2)), ids),
            Behaviours(keys, others, tf.sequence_mask(lengths, 4, dtype=tf.float32), past))


def explicit(layer, candidates, behaviours, match):
    """`[R, N, T, H]` by concatenation."""
    query, key = tf.expand_dims(candidates.query, 2), tf.expand_dims(behaviours.keys, 1)
    parts = [query + 0 * key, key + 0 * query, query * key]
    parts.append(tf.expand_dims(behaviours.context, 1) + 0 * query[..., :1])
    if match:
        parts.append(same_ids(tf.expand_dims(candidates.ids, 2), tf.expand_dims(behaviours.ids, 1)))
    return tf.tensordot(tf.concat(parts, -1), layer.kernel, 1) + layer.bias


def laid_out(rows, pairs):
    """`[3, 2, 4, 3]`."""
    return tf.stack([pairs.laid_out(column) for column in tf.unstack(rows, axis=1)], -1)


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("match", [False, True])
@pytest.mark.parametrize("lengths", [(4, 1, 0), (4, 4, 4), (0, 0, 0)])
@pytest.mark.parametrize("way", [EveryPair, RealPairs])
def test_equals_the_concatenation_with_its_gradients(way, lengths, match, context):
    candidates, behaviours = inputs(context, lengths)
    layer = PairDense(3)
    layer(way(candidates, behaviours, match))
    layer.bias.assign([0.1, -0.2, 0.3])
    mask = tf.expand_dims(behaviours.mask, 1) * tf.expand_dims(candidates.mask, 2)
    sources = [candidates.query, behaviours.keys, *([behaviours.context] if context else []), *layer.weights]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(sources)
        pairs = way(candidates, behaviours, match)
        rows = layer(pairs)
        ours = laid_out(rows, pairs) * mask[..., tf.newaxis]
        theirs = explicit(layer, candidates, behaviours, match) * mask[..., tf.newaxis]
        losses = [tf.reduce_sum(tf.sin(values)) for values in (ours, theirs)]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert len(rows) == (24 if way is EveryPair else 2 * sum(lengths))
    np.testing.assert_array_equal(pairs.laid_out(pairs.rows(mask)), mask)
    for source, mine, its in zip(sources, *(tape.gradient(loss, sources) for loss in losses), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5, err_msg=str(source.shape))


def test_scale():
    candidates, behaviours = inputs()
    layer, pairs = PairDense(3), EveryPair(candidates, behaviours, True)
    np.testing.assert_allclose(2 * layer(pairs), layer(pairs, 2.0), rtol=1e-6)


@pytest.mark.parametrize("context", [0, 2])
def test_of_one_request(context):
    """Some pairs, and all of them as if no ids were equal, against the concatenation."""
    candidates, behaviours = (type(both)(*(value[:1] for value in both)) for both in inputs(context))
    layer, pairs = PairDense(3), EveryPair(candidates, behaviours, True)
    layer(pairs)
    layer.bias.assign([0.1, -0.2, 0.3])
    expected = explicit(layer, candidates, behaviours, True)[0]
    where = [[1, 3], [0, 0], [1, 0]]
    found = layer(SomePairs(candidates, behaviours, True, tf.constant(where)), 2.0)
    np.testing.assert_allclose(found, [2 * expected[n, t] for n, t in where], atol=1e-5)
    others = candidates._replace(ids=0 * candidates.ids)
    expected = tf.tanh(explicit(layer, others, behaviours, True)[0])
    np.testing.assert_allclose(layer.unlike(pairs, pairs.events[0], 1.0, tf.tanh), tf.reshape(expected, [-1, 3]), atol=1e-5)
