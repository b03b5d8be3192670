"""Events of a user or session to requests: histories cut by time, candidates, labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.data.catalogue import CatalogueRow
from zoo.data.importer.config import Attribute, ImportConfig, Splits
from zoo.data.importer.rows import CLICK, IMPRESSION, OTHER
from zoo.data.request import Request
from zoo.data.request_log import SPLITS

_NAN = float("nan")


class Event(NamedTuple):
    """A row of `EventStore.units`."""

    prior: bool
    unit: str
    user_id: str
    session_id: str | None
    request_id: str | None
    time: int
    place: float | None
    kind: int
    item: str


class ItemTable:
    """What is known of every item: attributes when first seen, clicks in the training split.

    Args:
        config: of the import.
        rows: `(item, training clicks, time of the first click or None, time of the first event, attributes…)`.
    """

    def __init__(self, config: ImportConfig, rows: Sequence[tuple[Any, ...]]):
        self.config = config
        self.names = [row[0] for row in rows]
        self.index = {name: place for place, name in enumerate(self.names)}
        self.clicks = np.array([row[1] for row in rows], np.int64)
        self.attributes = {a.name: [row[4 + i] for row in rows] for i, a in enumerate(config.attributes)}
        # Drawn candidates may stand in requests that are earlier than the item's first event.
        self.valid_from = [row[3] for row in rows]
        trained = np.flatnonzero(self.clicks)
        self.trained, self.weight = trained, np.cumsum(self.clicks[trained])
        self.category: list[Any] = self.attributes[config.category.name] if config.category else []
        # Items by category and by the split of their first click, in the order of SPLITS.
        self.by_category: dict[tuple[str, int], np.ndarray] = {}
        if config.category:
            groups: dict[tuple[str, int], list[int]] = {}
            for place, row in enumerate(rows):
                if row[2] is not None:
                    key = self.category[place], SPLITS.index(split_of(config.splits, row[2]))
                    groups.setdefault(key, []).append(place)
            self.by_category = {key: np.array(places) for key, places in groups.items()}

    def describe(self, items: Sequence[str]) -> dict[str, list[Any]]:
        """Item and attributes, column by column; an item that only a prior file knows has none."""
        places = [self.index.get(item) for item in items]
        described: dict[str, list[Any]] = {"item": list(items)}
        for attribute in self.config.attributes:
            described[attribute.name] = [self._value(attribute, place) for place in places]
        return described

    def _value(self, attribute: Attribute, place: int | None) -> Any:
        value = None if place is None else self.attributes[attribute.name][place]
        if value is None:
            return "" if attribute.kind == "id" else _NAN
        return value

    def candidates(self, items: Sequence[str], time: int) -> dict[str, list[Any]]:
        """The candidates of a request, column by column; from its time on the catalogue has them."""
        for place in (self.index[item] for item in items):
            self.valid_from[place] = min(self.valid_from[place], time)
        return self.describe(items) | {"popularity": self.popularity(items)}

    def catalogue(self) -> Iterator[CatalogueRow]:
        """Every item from its first event, or from the first request that it is a candidate of, if that is earlier."""
        for place, (item, time) in enumerate(zip(self.names, self.valid_from, strict=True)):
            values = {a.name: self._value(a, place) for a in self.config.attributes}
            yield CatalogueRow(item, time, values)

    def popularity(self, items: Sequence[str]) -> list[float]:
        """Training clicks less one, at least 0.

        Less one for all: the click that a training request is about must not count for itself, and a drawn candidate,
        which was clicked at least once, must not be told apart by that.
        """
        return [float(max(0, self.clicks[self.index[item]] - 1)) for item in items]

    def by_popularity(self, rng: np.random.Generator) -> str:
        """An item drawn by its training clicks."""
        place = np.searchsorted(self.weight, rng.integers(self.weight[-1]), side="right")
        return self.names[self.trained[place]]

    def of_category(self, item: str, split: str, rng: np.random.Generator) -> str | None:
        """Another item of the item's category, uniformly; None where there is none."""
        own = self.index[item]
        last = SPLITS.index(split) if self.config.negatives.same_category_from == "split" else 0
        none = np.zeros(0, np.int64)
        places = np.concatenate([self.by_category.get((self.category[own], when), none) for when in range(last + 1)])
        places = places[places != own]
        return self.names[places[rng.integers(len(places))]] if len(places) else None


class RequestBuilder:
    """Makes the requests of one unit (user or session) after the other.

    Args:
        config: of the import.
        items: the item table.

    Attributes:
        notes: counts of what was done otherwise than asked, for the manifest.
    """

    def __init__(self, config: ImportConfig, items: ItemTable):
        self.config, self.items = config, items
        self.rng = np.random.default_rng(config.negatives.seed)
        self.notes: Counter[str] = Counter()
        self.made = 0

    def of_unit(self, events: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, Request]]:
        """`(split, request)` for each request of a unit."""
        rows = [Event(*row) for row in events]
        clicks = [event for event in rows if event.kind == CLICK]
        make = self._of_impressions if self.config.impressions else self._of_clicks
        for start, event, shown, labels, past in make(rows, clicks):
            split = split_of(self.config.splits, start)
            if split != "test" and event.time >= self.config.splits.test_from.timestamp():
                # A session that began in training and went on into the test period would teach the future.
                self.notes["requests_of_earlier_sessions_in_the_test_period_left_out"] += 1
                continue
            yield split, self._request(event, shown, labels, past)

    def _of_clicks(self, rows: list[Event], clicks: list[Event]) -> Iterator[tuple[int, Event, list, list, list]]:
        starts: dict[str, int] = {}
        for place, click in enumerate(clicks):
            if click.prior:
                continue
            session = click.session_id or click.unit
            if session not in starts:
                starts[session] = click.time
                continue
            shown = [click.item, *self._negatives(click.item, split_of(self.config.splits, starts[session]))]
            order = self.rng.permutation(len(shown))
            # Strictly by time where a prior event could be as late as this one; inside a session the order decides.
            past = [e for e in clicks[:place] if e.time < click.time or not e.prior]
            yield starts[session], click, [shown[i] for i in order], [float(i == 0) for i in order], past

    def _of_impressions(self, rows: list[Event], clicks: list[Event]) -> Iterator[tuple[int, Event, list, list, list]]:
        pages: dict[str | None, list[Event]] = {}
        for event in rows:
            if event.kind != OTHER and not event.prior:
                pages.setdefault(event.request_id, []).append(event)
        for page in pages.values():
            shown = list(dict.fromkeys(event.item for event in page))
            clicked = {event.item for event in page if event.kind == CLICK}
            self.notes["requests_with_clicks_on_items_that_were_not_shown"] += bool(
                clicked - {event.item for event in page if event.kind == IMPRESSION})
            start = page[0].time
            yield start, page[0], shown, [float(i in clicked) for i in shown], [e for e in clicks if e.time < start]

    def _negatives(self, item: str, split: str) -> list[str]:
        """Drawn candidates, none of them the clicked item and none twice."""
        wanted, drawn = self.config.negatives, []
        for _ in range(wanted.popularity):
            drawn.append(self._another(item, drawn))
        for _ in range(wanted.same_category):
            other = self.items.of_category(item, split, self.rng)
            if other is None or other in drawn:
                self.notes["same_category_negatives_replaced_by_popularity"] += 1
                other = self._another(item, drawn)
            drawn.append(other)
        return [item for item in drawn if item]

    def _another(self, item: str, drawn: list[str]) -> str:
        for _ in range(100):
            other = self.items.by_popularity(self.rng)
            if other != item and other not in drawn:
                return other
        self.notes["negatives_not_found"] += 1
        return ""

    def _request(self, event: Event, shown: list[str], labels: list[float], past: list[Event]) -> Request:
        self.made += 1
        recent = past[-self.config.history:]
        self.notes["histories_longer_than_kept"] += len(past) > self.config.history
        keys = {"user_id": event.user_id} | ({"session_id": event.session_id} if self.config.columns.session else {})
        history = self.items.describe([e.item for e in recent])
        gaps = [float(max(0, event.time - e.time)) for e in recent]
        return Request(
            request_id=event.request_id or f"q{self.made}", time=event.time, features=keys,
            sequences={"history": history | {"gap": gaps}},
            candidates=self.items.candidates(shown, event.time),
            labels={"click": labels},
        )


def split_of(splits: Splits, moment: float) -> str:
    """The split that a moment falls into."""
    if moment < splits.validation_from.timestamp():
        return "train"
    return "validation" if moment < splits.test_from.timestamp() else "test"
