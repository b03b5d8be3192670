"""The values of labels beside the click."""

from __future__ import annotations

import numpy as np

from zoo.data.importer.labels import EventLabel
from zoo.data.importer.plan import Plan
from zoo.data.importer.rows import label_column
from zoo.data.importer.shard import Events


class Outcome:
    """What came of clicks, as one label says it.

    Args:
        plan: what is known of the whole log.
        label: settings.
    """

    def __init__(self, plan: Plan, label: EventLabel):
        self.label, self._items = label, len(plan.items)
        if label.events:
            self._ends = plan.ends(label)
            self._followed, self._numbers = plan.label(label)

    def values(self, events: Events, clicks: np.ndarray, split: np.ndarray) -> np.ndarray:
        """The label of each candidate.

        Args:
            events: of the shard.
            clicks: `[n]` the event of the click on each candidate, -1 without.
            split: `[n]` number of its request's split.

        Returns:
            `[n]`; NaN where it was not observed.
        """
        found = np.full(len(clicks), np.nan if self.label.column else 0.0)
        clicked = np.flatnonzero(clicks >= 0)
        event = clicks[clicked]
        if not self.label.events:
            found[clicked] = events.beside[label_column(self.label)].to_numpy()[event]
            return found
        begin = events.time[event]
        key = events.codes["user"][event].astype(np.int64) * self._items + events.item[event]
        place = self._followed.first(key, begin, begin + self._within)
        if self.label.column:
            found[clicked[place >= 0]] = self._numbers[place[place >= 0]]
        else:
            found[clicked] = place >= 0
        found[self._open(events, clicks, split)] = np.nan
        return found

    def unknown(self, events: Events, clicks: np.ndarray, split: np.ndarray) -> int:
        """How many clicks have a window that is not over when their request's split ends."""
        return int(self._open(events, clicks, split).sum())

    @property
    def _within(self) -> int:
        assert self.label.within is not None
        return self.label.within

    def _open(self, events: Events, clicks: np.ndarray, split: np.ndarray) -> np.ndarray:
        return (clicks >= 0) & (events.time[clicks] + self._within > self._ends[split])
