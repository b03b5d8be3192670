"""Crossing sums of a history with items is crossing every event with them."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.keras import tf
from zoo.layers.history_crossing import HistoryCrossing

EVENTS, MASK = np.random.default_rng(0).normal(size=(2, 3, 2, 4)), np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
ITEMS = np.random.default_rng(1).normal(size=(2, 5, 3, 4))


def crossed(pairs) -> np.ndarray:
    layer = HistoryCrossing(pairs)
    events, mask, items = (tf.constant(value, tf.float32) for value in (EVENTS, MASK, ITEMS))
    return layer(layer.sums(events, mask), items).numpy()


def by_loops(pairs: list[tuple[int, int]]) -> np.ndarray:
    found = np.zeros((2, 5, len(pairs)))
    for request in range(2):
        for candidate in range(5):
            for place, (ours, theirs) in enumerate(pairs):
                for event in range(3):
                    found[request, candidate, place] += MASK[request, event] * (
                        EVENTS[request, event, ours] @ ITEMS[request, candidate, theirs])
        found[request] /= np.sqrt(1 + MASK[request].sum())
    return found


@pytest.mark.parametrize("pairs", [[(0, 0)], [(1, 2), (0, 1)]])
def test_pairs(pairs):
    np.testing.assert_allclose(crossed(pairs), by_loops(pairs), rtol=1e-5, atol=1e-6)


def test_every_pair():
    every = [(ours, theirs) for ours in range(2) for theirs in range(3)]
    np.testing.assert_allclose(crossed("every"), by_loops(every), rtol=1e-5, atol=1e-6)


def test_nobody_without_a_past_is_crossed():
    assert not crossed("every")[1].any() and crossed("every")[0].all()
