"""What users of live rooms have done: rooms that they watched, products that they looked at and ordered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo.data.columnar import ranges

LOOKED, ORDERED = 0, 1


class Past(NamedTuple):
    """Events of some users, one user's after the other's, oldest first: how many `[R]`, what, a number beside it, and when."""

    kept: np.ndarray
    what: np.ndarray
    beside: np.ndarray
    at: np.ndarray


class Ring:
    """The most recent events of every user; the place of a user's n-th event is n modulo the length kept."""

    def __init__(self, users: int, length: int):
        self.length = length
        self.what, self.at = np.zeros((users, length), np.int64), np.zeros((users, length), np.int64)
        self.beside = np.zeros((users, length))
        self.count = np.zeros(users, np.int64)

    def add(self, who: np.ndarray, what: np.ndarray, beside: np.ndarray, at: np.ndarray) -> None:
        """One event of each; a user may stand there more than once, in the order of time."""
        earlier = _occurrence(who)
        place = (self.count[who] + earlier) % self.length
        self.what[who, place], self.beside[who, place], self.at[who, place] = what, beside, at
        np.add.at(self.count, who, 1)

    def past(self, who: np.ndarray) -> Past:
        """What is kept of some users."""
        kept = np.minimum(self.count[who], self.length)
        place = ranges(self.count[who] - kept, kept) % self.length
        user = np.repeat(who, kept)
        return Past(kept, self.what[user, place], self.beside[user, place], self.at[user, place])


def occurrences(who: np.ndarray) -> list[np.ndarray]:
    """Places of each user's first event, of each one's second, …"""
    turn = _occurrence(who)
    return [np.flatnonzero(turn == one) for one in range(int(turn.max()) + 1)] if len(who) else []


def _occurrence(who: np.ndarray) -> np.ndarray:
    """How many times each number stood there before, `[n]`."""
    order = np.argsort(who, kind="stable")
    ordered = who[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    place = np.arange(len(who))
    turn = np.empty(len(who), np.int64)
    turn[order] = place - np.maximum.accumulate(np.where(starts, place, 0))
    return turn
