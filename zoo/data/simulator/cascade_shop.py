"""A shop whose pages are chosen by a cascade, and whose log knows its stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from zoo.data.simulator.cascade import Cascade
from zoo.data.simulator.shop import Pages, Shop

# Candidates that are scored at a time, and numbers in a table of visits and items.
_CANDIDATES, _TABLE = 1 << 17, 1 << 23


class CascadeShop(Shop):
    """Each visit goes through recall, coarse ranking and fine ranking; of what was not shown, some is logged without labels.

    The truth of a candidate that was not shown is the chance of a click at a place of the page that is drawn at random.
    """

    def __init__(self, *args: Any):
        super().__init__(*args)
        config = self.config
        assert config.cascade is not None
        self.cascade = Cascade(config.cascade, config.page, config.exploration, self.goods, self.rng)
        self.whole = np.zeros(0, bool)  # which visits of the day are logged with their pools
        self.pools: list[tuple[np.ndarray, Pages]] = []  # their numbers in the day, and what they were

    def day_with_pools(self, day: int, count: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The requests of a day, in order of time: with samples of their pools, and others with the whole of them."""
        assert self.config.cascade is not None
        self.whole = self.rng.permutation(count) < self.config.cascade.pools
        pages, before = self._visits(day, count)
        numbers = self._numbers(count)
        sampled = self._batch(pages, day, before, numbers).filter(pa.array(~self.whole))
        if not self.pools:
            return sampled, sampled.slice(0, 0)
        visits, pools = zip(*self.pools, strict=True)
        pools = Pages.joined(list(pools)).rows(np.argsort(np.concatenate(visits)))
        return sampled, self._batch(pools, day, before, numbers[self.whole])

    def _turn(self, who: np.ndarray, at: np.ndarray, visits: np.ndarray) -> Pages:
        step = max(1, min(_CANDIDATES // len(self.cascade.tags), _TABLE // self.config.items))
        parts = [slice(start, start + step) for start in range(0, len(who), step)]
        return Pages.joined([self._sampled(who[part], at[part], visits[part]) for part in parts])

    def _sampled(self, who: np.ndarray, at: np.ndarray, visits: np.ndarray) -> Pages:
        """Pages with some of the candidates below them; what is logged as a whole is kept so, too."""
        pools = self._pages(who, at)
        whole = self.whole[visits] if len(self.whole) else np.zeros(len(who), bool)
        if whole.any():
            self.pools.append((visits[whole], pools.rows(np.flatnonzero(whole))))
        return pools.candidates(self.cascade.sample(pools.outside > 0))

    def _pages(self, who: np.ndarray, at: np.ndarray) -> Pages:
        """The pools of some different users in the order of the cascade, the page first."""
        users, cascade, page = self.users, self.cascade, self.config.page
        focus = self._focus(who)
        items = cascade.recall(users.leaf[who], users.strength[who], focus)
        appeal = self._appeal(who, items, focus)
        order = cascade.rank(self._coarse_view(who, items, focus), appeal)
        items, appeal = np.take_along_axis(items, order, 1), np.take_along_axis(appeal, order, 1)
        examined = 1 / (1 + self.config.position_decay * np.arange(page))
        truth = np.concatenate([examined, np.full(items.shape[1] - page, examined.mean())]) / (1 + np.exp(-appeal))
        desire = 1 / (1 + np.exp(-(-1.6 + 0.6 * self.goods.quality[items] + 0.25 * appeal)))
        click, purchase = np.full(items.shape, np.nan), np.full(items.shape, np.nan)
        click[:, :page] = self.rng.random((len(who), page)) < truth[:, :page]
        bought = (self.rng.random((len(who), page)) < desire[:, :page]).astype(float)
        purchase[:, :page] = np.where(click[:, :page] > 0, bought, np.nan)
        stage = np.broadcast_to(cascade.tags, items.shape)
        pages = Pages(who, at, items, click, truth, purchase, desire, stage, cascade.bought(appeal).astype(np.int8),
                      *self._past(who, at))
        self._remember(who, at, items[:, :page], click[:, :page])
        return pages

    def _coarse_view(self, who: np.ndarray, items: np.ndarray, focus: np.ndarray) -> np.ndarray:
        """What coarse ranking can see of the appeal: interests and quality; neither brands nor prices, nor the past."""
        return self._interest(who, items, focus, [1.0] * self.config.interests) + 0.4 * self.goods.quality[items]

    def _seen(self, who: np.ndarray, items: np.ndarray) -> np.ndarray:
        # By a table of all items: a pool has too many to compare each with each event.
        kept = np.arange(self.config.history) < self.clicks[who][:, None]
        table = np.zeros((len(who), self.config.items), bool)
        table[np.nonzero(kept)[0], self.clicked[who][kept]] = True
        return np.take_along_axis(table, items, 1)
