"""What a cascade does with a visit: recall finds a pool, coarse ranking cuts it, fine ranking chooses the page."""

from __future__ import annotations

import numpy as np

from zoo.data.simulator.config import CascadeConfig
from zoo.data.simulator.market import Assortment
from zoo.stages import StageTag

# More draws than places: what was drawn twice is dropped.
_DRAWS = 1.6
# Sizes of the tables of a leaf and of all items that recall draws from, each item as often as its attraction is large.
_IN_LEAF, _IN_ALL = 1 << 12, 1 << 16
# So often places that are still taken twice are drawn again, before they are chosen among what is left.
_TRIES = 10


class Cascade:
    """The stages of a cascade, imperfect on purpose.

    Candidates stand in the order of the cascade: the page, then what fine ranking scored, best first, then what coarse ranking
    scored, best first, then what nobody scored. So a stage is a range of places, the same in every request.

    Args:
        config: sizes and errors.
        page: candidates that are shown.
        exploration: share of the page drawn from all that fine ranking scored.
        goods: the assortment.
        rng: source of randomness.
    """

    def __init__(self, config: CascadeConfig, page: int, exploration: float, goods: Assortment, rng: np.random.Generator):
        self.config, self.page, self.exploration, self.goods, self.rng = config, page, exploration, goods, rng
        self._day = None
        self.tags = np.full(config.pool, StageTag.RECALLED, np.int8)
        for tag, end in ((StageTag.COARSE, config.coarse), (StageTag.FINE, config.fine), (StageTag.EXPOSED, page)):
            self.tags[:end] = tag

    def recall(self, leaves: np.ndarray, strength: np.ndarray, focus: np.ndarray) -> np.ndarray:
        """A pool of different living items for each visit, in random order.

        Args:
            leaves: of the user's interests, `[visits, interests]`.
            strength: of the interests, `[visits, interests]`.
            focus: the interest that brought the user, `[visits]`.

        Returns:
            Items, `[visits, pool]`.
        """
        config, rng = self.config, self.rng
        shape = (len(leaves), int(np.ceil(_DRAWS * config.pool)))
        self._open_day()
        channel, found = rng.random(shape), rng.choice(self.goods.living, shape)
        visits, places = np.nonzero(channel < config.interest)
        of_leaf = leaves[visits, self._about(strength, focus, visits)]
        found[visits, places] = self._by_leaf[of_leaf, rng.integers(0, _IN_LEAF, len(visits))]
        visits, places = np.nonzero((channel >= config.interest) & (channel < config.interest + config.popular))
        found[visits, places] = self._popular[rng.integers(0, len(self._popular), len(visits))]
        first = np.argsort(self._repeated(found), axis=1, kind="stable")[:, :config.pool]
        # Interests are soon exhausted, so that what was drawn last is about them less often.
        return rng.permuted(self._filled(np.take_along_axis(found, first, 1)), axis=1)

    def rank(self, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """Places of the pool in the order of the cascade.

        Args:
            coarse: what coarse ranking can see of the appeal, `[visits, pool]`.
            fine: the appeal, `[visits, pool]`.

        Returns:
            `[visits, pool]` places.
        """
        config, rng = self.config, self.rng
        # Recall's order is random, and coarse ranking has time for the first ones.
        scored = coarse[:, :config.coarse]
        order = np.argsort(-(scored + rng.normal(0, config.coarse_noise, scored.shape)), axis=1)
        passed, cut = order[:, :config.fine], order[:, config.fine:]
        score = np.take_along_axis(fine, passed, 1)
        score = score + rng.normal(0, config.fine_noise, score.shape)
        # Some of the page are drawn, whatever fine ranking says of them; the page is in fine ranking's order all the same.
        wanted = np.where(rng.random((len(score), self.page)) < self.exploration, 1, 0).sum(1)
        ranks = np.argsort(np.argsort(-score, axis=1), axis=1)
        best = ranks < (self.page - wanted)[:, None]
        chance = np.where(best, -1.0, rng.random(score.shape))
        shown = np.argsort(np.argsort(chance, axis=1), axis=1) < self.page
        passed = np.take_along_axis(passed, np.lexsort((-score, ~shown), axis=1), 1)
        rest = np.broadcast_to(np.arange(config.coarse, config.pool), (len(passed), config.pool - config.coarse))
        return np.concatenate([passed, cut, rest], 1)

    def sample(self, wanted: np.ndarray) -> np.ndarray:
        """Places that a log for training keeps: the page, and some of every stage below it.

        Args:
            wanted: candidates that are kept before others of their stage, bool `[visits, pool]`.

        Returns:
            `[visits, config.sampled(page)]` places, rising.
        """
        config = self.config
        keys = np.where(wanted, -1.0, self.rng.random(wanted.shape))
        ranges = ((0, self.page, self.page), (self.page, config.fine, config.fine_samples),
                  (config.fine, config.coarse, config.coarse_samples), (config.coarse, config.pool, config.recalled_samples))
        kept = [np.sort(np.argsort(keys[:, start:end], axis=1)[:, :count], axis=1) + start for start, end, count in ranges]
        return np.concatenate(kept, 1)

    def bought(self, appeal: np.ndarray) -> np.ndarray:
        """Which candidate the user buys elsewhere (by a search), whatever the cascade did with it, bool `[visits, pool]`."""
        # The largest of appeal plus Gumbel noise is a draw by the softmax of the appeal.
        best = np.argmax(appeal + self.rng.gumbel(size=appeal.shape), axis=1)
        buys = self.rng.random(len(appeal)) < self.config.outside
        return (np.arange(appeal.shape[1]) == best[:, None]) & buys[:, None]

    def _open_day(self) -> None:
        """Makes the tables that recall draws from, once a day."""
        if self._day != self.goods.today:
            self._day = self.goods.today
            self._by_leaf = np.stack([self.goods.quantiles(leaf, _IN_LEAF) for leaf in range(len(self.goods.by_leaf))])
            self._popular = self.goods.quantiles(None, _IN_ALL)

    def _about(self, strength: np.ndarray, focus: np.ndarray, visits: np.ndarray) -> np.ndarray:
        """The interest that each draw of a visit is about: half are about the one that brought the user, as on other pages."""
        points, bounds = self.rng.random(len(visits)), strength.cumsum(1)[:, :-1]
        other = np.zeros(len(visits), np.int64)
        for interest in range(bounds.shape[1]):
            other += bounds[visits, interest] < points
        return np.where(self.rng.random(len(visits)) < 0.5, focus[visits], other)

    def _repeated(self, found: np.ndarray) -> np.ndarray:
        """Places whose item stands at an earlier place of the same visit."""
        # By a table of all items, which no sort of thousands of numbers comes near.
        table = np.empty((len(found), len(self.goods.leaf)), np.int32)
        visits, places = np.arange(len(found))[:, None], np.arange(found.shape[1], dtype=np.int32)
        table[visits, found[:, ::-1]] = places[::-1]  # of several places the one that is written last stays
        return table[visits, found] != places

    def _filled(self, pools: np.ndarray) -> np.ndarray:
        """The pools, with other items in place of those that stand at an earlier place, too."""
        attempt = 0
        while (again := self._repeated(pools)).any():
            if attempt < _TRIES:
                pools[again] = self.rng.choice(self.goods.living, again.sum())
            else:
                for row in np.flatnonzero(again.any(1)):
                    left = np.setdiff1d(self.goods.living, pools[row])
                    pools[row, again[row]] = self.rng.choice(left, again[row].sum(), replace=False)
            attempt += 1
        return pools
