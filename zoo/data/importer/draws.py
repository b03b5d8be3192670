"""Random numbers that depend on what they are for and not on what was drawn before, so that shards don't matter."""

from __future__ import annotations

import numpy as np

_ODD = np.uint64(0x9E3779B97F4A7C15)


def mixed(*parts: np.ndarray | int) -> np.ndarray:
    """A hash of 64 bits for each row of some whole numbers, by SplitMix64: `h ← mix((h + part)·odd)`.

    Args:
        parts: arrays `[n]` or numbers, the same for all rows.

    Returns:
        `[n]` uint64; evenly spread, and another for any other part.

    Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
    """
    state = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = state + np.asarray(part).astype(np.int64).astype(np.uint64) + _ODD
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state


def below(most: np.ndarray | int, *parts: np.ndarray | int) -> np.ndarray:
    """`[n]` uniform whole numbers from 0 to `most - 1`, by the hash of some parts."""
    uniform = (mixed(*parts) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.minimum((uniform * most).astype(np.int64), np.asarray(most) - 1)
