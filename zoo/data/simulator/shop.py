"""The days of the marketplace: who comes, what they are shown, what they click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from zoo.data.columnar import arrow_schema, lists, offsets, ranges
from zoo.data.simulator.config import SimulatorConfig
from zoo.data.simulator.market import DAY, Assortment, Population
from zoo.data.simulator.named import floats, named
from zoo.data.simulator.schema import simulator_schema
from zoo.stages import StageTag

_NAN = float("nan")


@dataclass(frozen=True)
class Pages:
    """Pages that were shown: to whom `[R]` and when `[R]`, items and what came of them `[R, N]`, and the user's past clicks:
    how many `[R]`, which items and how long ago `[ΣT]`.

    Of a cascade, also candidates that were not shown, with labels that are NaN; how far each came, and which was bought
    elsewhere, `[R, N]`.
    """

    who: np.ndarray
    at: np.ndarray
    items: np.ndarray
    click: np.ndarray
    truth: np.ndarray
    purchase: np.ndarray
    desire: np.ndarray
    stage: np.ndarray
    outside: np.ndarray
    kept: np.ndarray
    past: np.ndarray
    gaps: np.ndarray

    @classmethod
    def joined(cls, pages: list[Pages]) -> Pages:
        return cls(*(np.concatenate([getattr(one, field.name) for one in pages]) for field in fields(cls)))

    def rows(self, order: np.ndarray) -> Pages:
        """Some of the pages, in an order."""
        events = ranges(offsets(self.kept)[order], self.kept[order])
        return Pages(*(getattr(self, field.name)[events if field.name in ("past", "gaps") else order]
                       for field in fields(self)))

    def candidates(self, places: np.ndarray) -> Pages:
        """The pages with some of their candidates, by places `[R, n]`."""
        return Pages(*(np.take_along_axis(values, places, 1) if (values := getattr(self, field.name)).ndim == 2 else values
                       for field in fields(self)))


class Shop:
    """State that outlives a day: click histories of the users, counters of the items."""

    def __init__(self, config: SimulatorConfig, goods: Assortment, users: Population, rng: np.random.Generator):
        self.config, self.goods, self.users, self.rng = config, goods, users, rng
        # Ring buffers: the place of a user's n-th click is n modulo the length kept.
        self.clicked = np.zeros((config.users, config.history), np.int64)
        self.clicked_at = np.zeros((config.users, config.history), np.int64)
        self.clicks = np.zeros(config.users, np.int64)
        self.item_impressions, self.item_clicks = np.zeros(config.items), np.zeros(config.items)
        self.made = 0
        self.schema = arrow_schema(simulator_schema(config))

    def day(self, day: int, count: int) -> pa.RecordBatch:
        """The requests of a day, in order of time."""
        pages, before = self._visits(day, count)
        return self._batch(pages, day, before, self._numbers(count))

    def _visits(self, day: int, count: int) -> tuple[Pages, tuple[np.ndarray, np.ndarray]]:
        """The pages of a day, in order of time, and the items' counters as they were when it began."""
        self.goods.open_day(day)
        share = self.users.activity / self.users.activity.sum()
        visits = self.rng.multinomial(count, share)
        visitors = np.repeat(np.arange(len(visits)), visits)
        times = np.sort(self.rng.integers(0, DAY, count))
        # Each user's own visits keep their order; between users, times are mixed.
        owner = self.rng.permutation(visitors)
        order = np.lexsort((np.arange(count), owner))
        turn = np.empty(count, np.int64)
        turn[order] = np.concatenate([np.arange(v) for v in visits[visits > 0]])
        shown_before = self.item_impressions.copy(), self.item_clicks.copy()
        turns, places = [], []
        for one_turn in range(int(turn.max()) + 1):
            places.append(np.flatnonzero(turn == one_turn))
            turns.append(self._turn(owner[places[-1]], self.config.start + day * DAY + times[places[-1]], places[-1]))
        return Pages.joined(turns).rows(np.argsort(np.concatenate(places))), shown_before

    def _numbers(self, count: int) -> np.ndarray:
        """The numbers of the next requests."""
        self.made += count
        return np.arange(self.made - count + 1, self.made + 1)

    def _turn(self, who: np.ndarray, at: np.ndarray, visits: np.ndarray) -> Pages:
        """One page for each of some different users; `visits` are their numbers in the day."""
        return self._pages(who, at)

    def _pages(self, who: np.ndarray, at: np.ndarray) -> Pages:
        """One page for each of some different users."""
        items, focus = self._impressions(who)
        appeal = self._appeal(who, items, focus)
        # The logging policy puts first what it believes to be good: the appeal, seen through noise.
        ranked = np.argsort(-(appeal + self.rng.normal(0, 2.5, appeal.shape)), axis=1)
        items, appeal = np.take_along_axis(items, ranked, 1), np.take_along_axis(appeal, ranked, 1)
        examined = 1 / (1 + self.config.position_decay * np.arange(self.config.page))
        truth = examined / (1 + np.exp(-appeal))
        click = (self.rng.random(truth.shape) < truth).astype(float)
        desire = 1 / (1 + np.exp(-(-1.6 + 0.6 * self.goods.quality[items] + 0.25 * appeal)))
        purchase = np.where(click > 0, (self.rng.random(truth.shape) < desire).astype(float), _NAN)
        pages = Pages(who, at, items, click, truth, purchase, desire, np.full(items.shape, StageTag.EXPOSED, np.int8),
                      np.zeros(items.shape, np.int8), *self._past(who, at))
        self._remember(who, at, items, click)
        return pages

    def _past(self, who: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The users' past clicks: how many are kept `[R]`, which items and how long ago `[ΣT]`."""
        kept = np.minimum(self.clicks[who], self.config.history)
        place = ranges(self.clicks[who] - kept, kept) % self.config.history
        user = np.repeat(who, kept)
        return kept, self.clicked[user, place], np.repeat(at, kept) - self.clicked_at[user, place]

    def _impressions(self, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Candidates of each page, and the interest that brought the user: most of the page is about it."""
        config, rng = self.config, self.rng
        focus = self._focus(who)
        shape = (len(who), config.page)
        about = np.where(rng.random(shape) < 0.5, focus[:, None], rng.integers(0, config.interests, shape))
        leaves = np.take_along_axis(self.users.leaf[who], about, 1)
        leaves = np.where(rng.random(shape) < config.exploration, -1, leaves)
        return self.goods.sample(leaves, rng), focus

    def _focus(self, who: np.ndarray) -> np.ndarray:
        """The interest that brings each user, by strength."""
        return (self.users.strength[who].cumsum(1) < self.rng.random((len(who), 1))).sum(1).clip(0, self.config.interests - 1)

    def _appeal(self, who: np.ndarray, items: np.ndarray, focus: np.ndarray) -> np.ndarray:
        """Logit of a click on an examined candidate."""
        users, goods = self.users, self.goods
        brands, of_user = goods.brand[items], users.brand[who]
        same_brand = [of_user[:, one, None] == brands for one in range(self.config.interests)]
        interest = self._interest(who, items, focus, [1 + 0.6 * same for same in same_brand])
        brand = 0.7 * np.logical_or.reduce(same_brand)
        price = -users.price_care[who][:, None] * (goods.price_level[items] - users.price_level[who][:, None]) ** 2
        seen = self._seen(who, items)  # the same item again bores, whatever the interest
        fashion = goods.trends.fashion[goods.brand[items]] if goods.trends else 0.0
        return self.config.base + interest + brand + fashion + np.maximum(price, -2.0) + 0.4 * goods.quality[items] - 1.0 * seen

    def _interest(self, who: np.ndarray, items: np.ndarray, focus: np.ndarray, factors: Sequence[Any]) -> np.ndarray:
        """The strongest of the interests that an item serves, each times a factor; the one of the visit counts most."""
        leaves, of_user = self.goods.leaf[items], self.users.leaf[who]
        current = np.arange(self.config.interests) == focus[:, None]
        weight = 1.3 + 1.2 * current + 1.2 * self.users.strength[who]
        best = np.zeros(items.shape)
        for one, factor in enumerate(factors):
            np.maximum(best, (of_user[:, one, None] == leaves) * weight[:, one, None] * factor, out=best)
        return best

    def _seen(self, who: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Which candidates stand in their user's history."""
        kept = np.arange(self.config.history) < self.clicks[who][:, None]
        return ((self.clicked[who][:, None, :] == items[..., None]) & kept[:, None, :]).any(2)

    def _batch(self, pages: Pages, day: int, before: tuple[np.ndarray, np.ndarray], numbers: np.ndarray) -> pa.RecordBatch:
        users, count, items = self.users, len(pages.who), pages.items.ravel()
        one, page = np.ones(count, np.int64), np.full(count, pages.items.shape[1])
        impressions, clicks = before[0][items], before[1][items]
        ids = {"request_id": named("q", numbers),
               "user_id": named("u", pages.who), "gender": pa.array([b"f", b"m"]).take(pa.array(users.gender[pages.who])),
               "age_group": named("a", users.age_group[pages.who]), "city": named("c", users.city[pages.who]),
               "hour": named("h", pages.at % DAY // 3600), "device": named("d", users.device[pages.who])}
        columns = {name: lists(values, one) for name, values in ids.items()} | {"request_time": lists(pa.array(pages.at), one)}
        columns |= {f"history_{name}": lists(values, pages.kept) for name, values in
                    (self.goods.columns(pages.past) | {"gap": floats(pages.gaps)}).items()}
        known = {"past_ctr": floats((clicks + 2) / (impressions + 30)), "past_impressions": floats(impressions),
                 "age_days": floats(day - self.goods.born[items])}
        columns |= {f"candidate_{name}": lists(values, page) for name, values in (self.goods.columns(items) | known).items()}
        for name, drawn, truth in (("click", pages.click, pages.truth), ("purchase", pages.purchase, pages.desire)):
            columns |= {f"label_{name}": lists(floats(drawn.ravel()), page),
                        f"truth_{name}": lists(floats(truth.ravel()), page)}
        columns |= {f"mark_{name}": lists(floats(values.ravel()), page)
                    for name, values in (("stage", pages.stage), ("bought_outside", pages.outside))}
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)

    def _remember(self, who: np.ndarray, at: np.ndarray, items: np.ndarray, click: np.ndarray) -> None:
        np.add.at(self.item_impressions, items.ravel(), 1)
        np.add.at(self.item_clicks, items.ravel(), click.ravel())
        for column in range(items.shape[1]):
            rows = np.flatnonzero(click[:, column])
            user = who[rows]
            place = self.clicks[user] % self.config.history
            self.clicked[user, place], self.clicked_at[user, place] = items[rows, column], at[rows]
            self.clicks[user] += 1
