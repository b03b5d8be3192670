"""The items of a log: drawn uniformly, described by attributes and popularity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.interactions.dataset import Interactions
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
        trained: the item of every positive of the training split.
    """

    def __init__(self, data: Interactions, trained: Iterable[str]):
        self.attributes, self.counts = data.attributes, Counter(trained)

    def describe(self, items: Sequence[str]) -> dict[str, list[Any]]:
        """Items and attributes, column by column; a missing attribute is the empty id."""
        return {"item": list(items)} | {a.name: [a.values.get(item, "") for item in items] for a in self.attributes}

    def candidates(self, items: Sequence[str]) -> dict[str, list[Any]]:
        """As `describe`, with `popularity`: positives of the training split less one, at least 0.

        Less one for all: a training positive must not count for itself, and were only the drawn ones counted in full, the
        count would give a known item's label away.
        """
        return self.describe(items) | {"popularity": [float(max(0, self.counts[item] - 1)) for item in items]}
