"""The events of a shard as arrays: all of some users (or sessions), sorted, and which of them make requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from zoo.data.columnar import offsets, ranges
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.items import splits_of
from zoo.data.importer.plan import CODE, known
from zoo.data.importer.rows import CLICK, IMPRESSION, OTHER, TYPE
from zoo.data.importer.timeline import TIME_BITS


@dataclass(frozen=True)
class Events:
    """Events sorted by unit (whose clicks make a history), time, place and row; those of a prior file after others of a time.

    Args:
        unit, session, request: numbers that stand for their names; -1 where a row has none.
        time, kind, item, row: of each event; `item` is a code.
        type: number of its event type, -1 in a log without types.
        prior: whether it comes from a prior file.
        names: the columns `user_id`, `session_id` and `request_id` as they are in the log, binary.
        codes: by what tables and counters are of (`user`, …), the code that it has there.
        beside: further columns: numbers of labels, features of the request.
    """

    unit: np.ndarray
    session: np.ndarray
    request: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    item: np.ndarray
    row: np.ndarray
    type: np.ndarray
    prior: np.ndarray
    names: dict[str, pa.Array]
    codes: dict[str, np.ndarray]
    beside: dict[str, pa.Array]

    @classmethod
    def of(cls, table: pa.Table) -> Events:
        """From the columns of `EventStore.export`, sorted already."""
        def numbers(name: str) -> np.ndarray:
            encoded = table[name].combine_chunks().dictionary_encode()
            return encoded.indices.fill_null(-1).to_numpy()

        def values(name: str) -> np.ndarray:
            return table[name].to_numpy()

        names = {name: table[name].combine_chunks().cast(pa.binary()).fill_null(b"")
                 for name in ("user_id", "session_id", "request_id")}
        code = {name: name.removeprefix(CODE) for name in table.column_names if name.startswith(CODE)}
        beside = {name: known(table[name].combine_chunks()) for name in table.column_names
                  if name.startswith("_") and name not in (TYPE, *code)}
        kinds = table[TYPE].fill_null(-1).to_numpy() if TYPE in table.column_names else np.full(len(table), -1)
        return cls(numbers("unit"), numbers("session_id"), numbers("request_id"), values("time"), values("kind"),
                   values("code"), values("row"), kinds, values("prior").astype(bool), names,
                   {entity: table[name].fill_null(-1).to_numpy() for name, entity in code.items()}, beside)


@dataclass(frozen=True)
class Requests:
    """Which events make requests, with whom as candidates.

    Args:
        event: `[R]` the event that a request is about, or the first one of its page.
        split: `[R]` number of its split.
        past: `[R, 2]` first and last + 1 of the events that may stand in its histories.
        lengths: `[R]` how many candidates each has.
        items: `[ΣN]` codes of the candidates.
        clicks: `[ΣN]` the event of the click on each, -1 where it was not clicked.
    """

    event: np.ndarray
    split: np.ndarray
    past: np.ndarray
    lengths: np.ndarray
    items: np.ndarray
    clicks: np.ndarray

    def take(self, places: np.ndarray) -> Requests:
        """Some of the requests, in another order."""
        flat = ranges(offsets(self.lengths)[places], self.lengths[places])
        return Requests(self.event[places], self.split[places], self.past[places], self.lengths[places], self.items[flat],
                        self.clicks[flat])


class Shard:
    """Makes the requests of a shard's events; `zoo.data.importer.columns` says what stands in them.

    Args:
        config: of the import.
        events: sorted.

    Attributes:
        notes: counts of what was done otherwise than asked.
    """

    def __init__(self, config: ImportConfig, events: Events):
        self.config, self.events = config, events
        self.notes: Counter[str] = Counter()

    def clicked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a log of clicks: every click but the first of its session.

        Returns:
            `(event [R], split [R], past [R, 2])`.
        """
        events = self.events
        own = np.flatnonzero((events.kind == CLICK) & ~events.prior)
        session = _pairs(events.unit[own], np.where(events.session[own] >= 0, events.session[own], -1))
        _, first, inverse = np.unique(session, return_index=True, return_inverse=True)
        later = np.arange(len(own)) != first[inverse]
        event, began = own[later], own[first[inverse[later]]]
        # Without sessions a user's first click says nothing of when this one came.
        start = events.time[np.where(events.session[event] >= 0, began, event)]
        # Inside a session the order decides, and a prior event as late as a click stands after it.
        begin = np.searchsorted(events.unit, events.unit[event])
        return self._kept(event, splits_of(self.config, start), np.column_stack([begin, event]))

    def pages(self) -> Requests:
        """Of a log of impressions: what was shown together, and which of it was clicked."""
        events = self.events
        shown = np.flatnonzero((events.kind != OTHER) & ~events.prior)
        page = _pairs(events.unit[shown], events.request[shown])
        _, first, number = np.unique(page, return_index=True, return_inverse=True)
        # The items of each page in the order in which they were first shown.
        item = _pairs(number, events.item[shown])
        _, first_of_item, which = np.unique(item, return_index=True, return_inverse=True)
        seen, click = np.zeros(len(first_of_item), bool), np.full(len(first_of_item), -1)
        seen[which[events.kind[shown] == IMPRESSION]] = True
        # Of several clicks on an item of a page the first one counts.
        clicks = np.flatnonzero(events.kind[shown] == CLICK)[::-1]
        click[which[clicks]] = shown[clicks]
        order = np.lexsort((first_of_item, number[first_of_item]))
        of_page, seen, click = number[first_of_item][order], seen[order], click[order]
        if self.config.impressions:
            self.notes["requests_with_clicks_on_items_that_were_not_shown"] += len(np.unique(of_page[(click >= 0) & ~seen]))
        event = shown[first]
        # Strictly before: the log does not say what came first in a second.
        key = events.unit.astype(np.int64) << TIME_BITS | events.time
        unit = events.unit[event].astype(np.int64) << TIME_BITS
        past = np.column_stack([np.searchsorted(key, unit), np.searchsorted(key, unit | events.time[event])])
        lengths = np.bincount(of_page, minlength=len(first))
        return Requests(event, splits_of(self.config, events.time[event]), past, lengths,
                        events.item[shown[first_of_item[order]]], click)

    def _kept(self, event: np.ndarray, split: np.ndarray, past: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Without the requests that would teach the future: of a session that began in training, in the test period."""
        late = (split < 2) & (self.events.time[event] >= self.config.splits.test_from.timestamp())
        self.notes["requests_of_earlier_sessions_in_the_test_period_left_out"] += int(late.sum())
        return event[~late], split[~late], past[~late]


def _pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One number for each pair of numbers, the second at least -1."""
    return first.astype(np.int64) * (int(second.max(initial=0)) + 2) + second + 1
