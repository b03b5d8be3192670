"""The items of a log: drawn uniformly, described by attributes and popularity."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.interactions.dataset import Interaction, Interactions
from benchmarks.interactions.files import InteractionsError
from zoo.data.catalogue import CatalogueRow


def draw(items: Sequence[str], count: int, excluded: Collection[str], rng: np.random.Generator, user: str) -> list[str]:
    """Distinct items, uniformly from those that are not excluded.

    Args:
        items: to draw from.
        count: how many.
        excluded: a set of items that must not be drawn, all of them among `items`.
        rng: the source of chance.
        user: for whom, for the message.

    Returns:
        The drawn items.

    Raises:
        InteractionsError: not so many are left.
    """
    if len(items) - len(excluded) < count:
        raise InteractionsError(f"user {user!r}: {count} negatives were asked for, and only {len(items) - len(excluded)} of "
                                f"{len(items)} items are left to draw from; ask for fewer")
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        for place in rng.integers(len(items), size=count - len(drawn)):
            if items[place] not in excluded:
                drawn[items[place]] = None
    return list(drawn)


def catalogue(data: Interactions) -> Iterator[CatalogueRow]:
    """Every item of a log with its attributes; since when is not known, so from 1970 on."""
    for item in data.items:
        yield CatalogueRow(item, 0, {a.name: a.values.get(item, "") for a in data.attributes})


class KnownItems:
    """What is known of every item.

    Args:
        data: the log.
        trained: the positives of the training split, each with its user.
        seed: of the folds.
    """

    # Of users, where the log has no times.
    FOLDS = 10

    def __init__(self, data: Interactions, trained: Iterable[tuple[str, Interaction]], seed: int):
        self.attributes, self.timed = data.attributes, data.timed
        # A stream of its own: what is drawn for requests does not depend on it.
        places = np.random.default_rng([seed, 1]).permutation(len(data.users))
        self._fold = {user: int(place) % self.FOLDS for user, place in zip(data.users, places, strict=True)}
        self._times: dict[str, list[int]] = defaultdict(list)
        self._of_fold: Counter[tuple[int, str]] = Counter()
        for user, event in trained:
            self._times[event.item].append(event.time)
            self._of_fold[self._fold[user], event.item] += 1
        for times in self._times.values():
            times.sort()

    def describe(self, items: Sequence[str]) -> dict[str, list[Any]]:
        """Items and attributes, column by column; a missing attribute is the empty id."""
        return {"item": list(items)} | {a.name: [a.values.get(item, "") for item in items] for a in self.attributes}

    def candidates(self, user: str, time: int, items: Sequence[str]) -> dict[str, list[Any]]:
        """As `describe`, with `popularity`: how many users of the training split had taken the item.

        Counted are those strictly before the request; where a log has no times, those outside the user's own tenth of the
        users. Either way no request counts itself, and it is counted alike in training and test.
        """
        return self.describe(items) | {"popularity": [float(self._popularity(user, time, item)) for item in items]}

    def _popularity(self, user: str, time: int, item: str) -> int:
        times = self._times.get(item, [])
        return bisect.bisect_left(times, time) if self.timed else len(times) - self._of_fold[self._fold[user], item]
