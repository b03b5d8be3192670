"""Crossing sums of a history with items is crossing every event with them."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.history_crossing import HistoryCrossing

EVENTS, MASK = np.random.default_rng(0).normal(size=(2, 3, 2, 4)), np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
ITEMS = np.random.default_rng(1).normal(size=(2, 5, 3, 4))


def crossed(pairs, half_lives=()) -> np.ndarray:
    layer = HistoryCrossing(pairs, half_lives)
    events, mask, items = (tf.constant(value, tf.float32) for value in (EVENTS, MASK, ITEMS))
    return layer(layer.sums(events, mask), items).numpy()


def by_loops(pairs: list[tuple[int, int]], counts=(1.0, 1.0, 0.0)) -> np.ndarray:
    """What each event of the first request counts."""
    found, weights = np.zeros((2, 5, len(pairs))), MASK * counts
    for request in range(2):
        for candidate in range(5):
            for place, (ours, theirs) in enumerate(pairs):
                for event in range(3):
                    found[request, candidate, place] += weights[request, event] * (
                        EVENTS[request, event, ours] @ ITEMS[request, candidate, theirs])
        found[request] /= np.sqrt(1 + weights[request].sum())
    return found


@pytest.mark.parametrize("pairs", [[(0, 0)], [(1, 2), (0, 1)]])
def test_pairs(pairs):
    np.testing.assert_allclose(crossed(pairs), by_loops(pairs), rtol=1e-5, atol=1e-6)


def test_every_pair():
    every = [(ours, theirs) for ours in range(2) for theirs in range(3)]
    np.testing.assert_allclose(crossed("every"), by_loops(every), rtol=1e-5, atol=1e-6)


def test_nobody_without_a_past_is_crossed():
    assert not crossed("every")[1].any() and crossed("every")[0].all()


def test_sums_that_forget_stand_behind_those_of_the_whole_history():
    pairs = [(1, 2), (0, 1)]
    # With a half-life of two events, the older one of two counts √½; with one of half an event, a quarter.
    expected = [by_loops(pairs), by_loops(pairs, (0.5**0.5, 1, 0)), by_loops(pairs, (0.25, 1, 0))]
    np.testing.assert_allclose(crossed(pairs, [2.0, 0.5]), np.concatenate(expected, 2), rtol=1e-5, atol=1e-6)


def test_every_pair_with_sums_that_forget():
    every = [(ours, theirs) for ours in range(2) for theirs in range(3)]
    np.testing.assert_allclose(crossed("every", [1.0]), np.concatenate([by_loops(every), by_loops(every, (0.5, 1, 0))], 2),
                               rtol=1e-5, atol=1e-6)
