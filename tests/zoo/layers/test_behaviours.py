"""Embedded behaviours and candidates: all fields of an event, and which ids are equal."""

from __future__ import annotations

import numpy as np

from tests.toy import toy_batch, toy_bound, toy_requests
from zoo.keras import tf
from zoo.layers.behaviours import Behaviours, EmbeddedCandidates, MatchLogits, match_flags
from zoo.layers.linear import WideLogits
from zoo.layers.masking import length_mask


def pair() -> tuple[EmbeddedCandidates, Behaviours]:
    """Two candidates and three events with two ids each."""
    ids, event_ids = tf.constant([[[5, 2], [6, 1]]], tf.int64), tf.constant([[[5, 2], [6, 2], [0, 1]]], tf.int64)
    query, keys = tf.zeros((1, 2, 4)), tf.ones((1, 3, 4))
    return (EmbeddedCandidates(query, query, tf.ones((1, 2)), ids),
            Behaviours(keys, 2 * tf.ones((1, 3, 1)), length_mask(tf.constant([3]), keys), event_ids))


def test_an_event_has_its_keys_first_and_then_its_context():
    _, behaviours = pair()
    assert behaviours.events.numpy()[0].tolist() == [[1, 1, 1, 1, 2]] * 3
    alone = behaviours._replace(context=behaviours.context[..., :0])
    assert alone.events is alone.keys


def test_flags_say_which_ids_are_equal_and_never_unknown_or_padding():
    candidates, behaviours = pair()
    assert match_flags(candidates.ids, behaviours.ids).numpy().tolist() == [
        [[[1, 1], [0, 1], [0, 0]], [[0, 0], [1, 0], [0, 0]]]]


def test_equal_ids_add_their_weights_to_the_logits():
    candidates, behaviours = pair()
    plain, heads = MatchLogits(), MatchLogits(heads=2)
    np.testing.assert_array_equal(plain(candidates, behaviours), [[[2, 1, 0], [0, 1, 0]]])
    plain.set_weights([np.float32([[0.5], [3]])])
    np.testing.assert_array_equal(plain(candidates, behaviours), [[[3.5, 3, 0], [0, 0.5, 0]]])
    heads(candidates, behaviours)
    heads.set_weights([np.float32([[0.5, 1], [3, -1]])])
    np.testing.assert_array_equal(heads(candidates, behaviours),
                                  [[[[3.5, 3, 0], [0, -1, 0]], [[0, 0.5, 0], [0, 1, 0]]]])


def test_the_wide_part_says_who_moves_it():
    schema = toy_bound()
    batch = toy_batch(schema, toy_requests(3, schema=schema))[0]
    for group, tables in (("wide", "wide"), (None, "embedding")):
        wide = WideLogits(schema, None, 8, optimizer_group=group)
        assert set(wide(batch, batch)) == {"click"}
        linear = wide.linears["click"]
        assert linear.optimizer_group == group and len(linear.crosses) == 3
        assert {t.optimizer_group for t in [*linear.tables.values(), *(c.weight for c in linear.crosses)]} == {tables}
