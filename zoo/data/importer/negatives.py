"""Candidates that were not clicked, drawn for many clicks at once."""

from __future__ import annotations

from collections import Counter

import numpy as np

from zoo.data.importer.draws import below
from zoo.data.importer.items import ItemTable

NOBODY = -1
_MOST_ATTEMPTS = 100


class Negatives:
    """Draws by `ImportConfig.negatives`; a click's draws depend on the click alone.

    Args:
        items: of the log.

    Attributes:
        notes: counts of what was done otherwise than asked.
    """

    def __init__(self, items: ItemTable):
        self.items, self.config = items, items.config.negatives
        self.notes: Counter[str] = Counter()

    def draw(self, clicked: np.ndarray, row: np.ndarray, split: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Items drawn for some clicks: none of them the clicked one, none twice.

        Args:
            clicked: `[R]` codes of the clicked items.
            row: `[R]` number of the click's row in the log, which seeds its draws.
            split: `[R]` number of the request's split.
            time: `[R]` of the click.

        Returns:
            `[R, K]` codes, `NOBODY` where none was found.
        """
        sources = ["popularity"] * self.config.popularity + ["same_category"] * self.config.same_category
        sources += ["uniform"] * self.config.uniform
        taken = np.column_stack([clicked, np.full((len(clicked), len(sources)), NOBODY, np.int64)])
        for slot, source in enumerate(sources):
            if source == "popularity":
                drawn, missing = taken[:, 0].copy(), np.ones(len(clicked), bool)
            elif source == "uniform":
                drawn, missing = self._uniform(taken, row, time, slot), np.zeros(len(clicked), bool)
            else:
                drawn = self._of_category(clicked, row, split, slot)
                missing = (drawn == NOBODY) | (taken == drawn[:, None]).any(1)
                self.notes["same_category_negatives_replaced_by_popularity"] += int(missing.sum())
            self._by_popularity(drawn, missing, taken, row, slot)
            taken[:, slot + 1] = drawn
        return taken[:, 1:]

    def _uniform(self, taken: np.ndarray, row: np.ndarray, time: np.ndarray, slot: int) -> np.ndarray:
        """One of the items whose first event lies strictly before; `NOBODY` where all of them are taken."""
        by_age = self.items.by_age
        known = np.searchsorted(self.items.first_event[by_age], time)
        drawn, left = np.full(len(row), NOBODY, np.int64), np.flatnonzero(known)
        for attempt in range(_MOST_ATTEMPTS):
            if not len(left):
                break
            found = by_age[below(known[left], self.config.seed, row[left], slot, attempt)]
            good = ~(taken[left] == found[:, None]).any(1)
            drawn[left[good]] = found[good]
            left = left[~good]
        self.notes["negatives_not_found"] += int((drawn == NOBODY).sum())
        return drawn

    def _by_popularity(self, drawn: np.ndarray, missing: np.ndarray, taken: np.ndarray, row: np.ndarray, slot: int) -> None:
        """Fills in, where `missing`, items drawn by their training clicks."""
        left = np.flatnonzero(missing)
        for attempt in range(_MOST_ATTEMPTS):
            if not len(left):
                return
            point = below(self.items.weight[-1], self.config.seed, row[left], slot, attempt)
            found = self.items.trained[np.searchsorted(self.items.weight, point, side="right")]
            drawn[left] = found
            left = left[(taken[left] == found[:, None]).any(1)]
        drawn[left] = NOBODY
        self.notes["negatives_not_found"] += len(left)

    def _of_category(self, clicked: np.ndarray, row: np.ndarray, split: np.ndarray, slot: int) -> np.ndarray:
        """Another item of the clicked one's category, uniformly; `NOBODY` where there is none."""
        categories = self.items.by_category
        assert categories is not None
        last = split if self.config.same_category_from == "split" else np.zeros_like(split)
        category = categories.of_item[clicked]
        own = categories.place[clicked] - categories.start[category]
        size = categories.size[category, last]
        among = own < size  # the clicked item itself may be newer than those that are drawn from
        others = size - among
        point = below(np.maximum(others, 1), self.config.seed, row, slot, _MOST_ATTEMPTS)
        point += among & (point >= own)
        found = categories.items[np.minimum(categories.start[category] + point, len(categories.items) - 1)]
        return np.where(others > 0, found, NOBODY)
