"""The two sides of the simulated marketplace: an assortment of items, and users whose interests drift."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from zoo.config import ConfigError
from zoo.data.catalogue import CatalogueRow
from zoo.data.simulator.config import SimulatorConfig, TrendsConfig

DAY = 86_400
# So often a place of a page asks its leaf for an item that the page has not; a small leaf may have none.
_TRIES = 20


class Assortment:
    """Items in a two-level category tree, with brand, price, quality and day of birth.

    Args:
        config: sizes.
        rng: source of randomness.

    Raises:
        ConfigError: a page is larger than the assortment of the first day.
    """

    def __init__(self, config: SimulatorConfig, rng: np.random.Generator):
        self.config = config
        leaves, count = config.roots * config.leaves, config.items
        share = rng.dirichlet(np.full(leaves, 1.5))
        self.leaf = rng.choice(leaves, count, p=share)
        self.root = self.leaf // config.leaves
        # Brands belong to a root; a few are found everywhere in it.
        strength = rng.dirichlet(np.full(config.brands, 0.7), config.roots)
        self.brand = self.root * config.brands + _draw_rows(strength[self.root], rng)
        self.price_level = rng.normal(0, 1, count)
        self.price = np.exp(rng.normal(3.0, 0.8, leaves)[self.leaf] + 0.45 * self.price_level)
        self.quality = rng.normal(0, 1, count)
        # Two thirds of the items are there at the start, up to 200 days old; the others appear while the log runs, up to the
        # first test day, so that the days before it are the same however many follow.
        old = rng.random(count) < 2 / 3
        self.born = np.where(old, -rng.integers(0, 200, count), rng.integers(0, config.first_test_day + 1, count))
        self.attraction = np.exp(0.6 * rng.normal(0, 1, count) + 0.4 * self.quality)
        self.trends = Trends(config, config.trends, self.born) if config.trends else None
        self.known = {name: pa.array([f"{name[0]}{number}".encode() for number in numbers.tolist()], pa.binary())
                      for name, numbers in (("item", np.arange(count)), ("category", self.leaf), ("brand", self.brand))}
        self.known["price"] = pa.array(self.price.astype(np.float32))
        self.by_leaf = [np.flatnonzero(self.leaf == leaf) for leaf in range(leaves)]
        first = int((self.born <= 0).sum())
        if first < config.page:
            raise ConfigError(f"a page shows {config.page} different items, and only {first} of the {count} are there on the "
                              "first day; ask for more `items` or a smaller `page`")
        if config.cascade and first < config.cascade.pool:
            raise ConfigError(f"a pool has {config.cascade.pool} different items, and only {first} of the {count} are there on "
                              "the first day; ask for more `items` or a smaller `cascade.pool`")

    def columns(self, items: np.ndarray) -> dict[str, pa.Array]:
        """What a shop knows of items, column by column."""
        return {name: values.take(pa.array(items)) for name, values in self.known.items()}

    def catalogue(self) -> Iterator[CatalogueRow]:
        """Every item from the day of its birth."""
        since = (self.config.start + DAY * self.born).tolist()
        texts = ([value.decode() for value in self.known[name].to_pylist()] for name in ("item", "category", "brand"))
        for item, category, brand, time, price in zip(*texts, since, self.price.tolist(), strict=True):
            yield CatalogueRow(item, time, {"category": category, "brand": brand, "price": price})

    def open_day(self, day: int) -> None:
        """Makes the samplers of a day: every leaf's living items, by attraction."""
        sold = self.born <= day if self.trends is None else (self.born <= day) & (day < self.trends.sold_until)
        if sold.sum() < self.config.page:
            raise ConfigError(f"a page shows {self.config.page} different items, and only {int(sold.sum())} are sold on day "
                              f"{day}; ask for more `items` or a longer `trends.lifetime`")
        alive = self.attraction * sold
        self._cumulative = [np.cumsum(alive[items]) for items in self.by_leaf]
        self._all = np.cumsum(alive)
        self.living = np.flatnonzero(sold)
        self.today = day

    def sample(self, leaves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pages of different living items, by attraction.

        Args:
            leaves: of each place, `[pages, places]`; −1 for the whole assortment, which also fills in for a leaf that has
                not enough items for its places.
            rng: source of randomness.

        Returns:
            Items, `[pages, places]`.
        """
        chosen, attempt = self._draw(leaves, rng), 0
        while (again := _repeated(chosen)).any():
            chosen[again] = self._draw(leaves[again] if attempt < _TRIES else np.full(again.sum(), -1), rng)
            attempt += 1
        return chosen

    def quantiles(self, leaf: int | None, count: int) -> np.ndarray:
        """Living items of a leaf, or of the assortment, each as often as its attraction is large.

        A leaf without living items has those of the assortment.
        """
        cumulative = self._all if leaf is None else self._cumulative[leaf]
        if leaf is None or not len(cumulative) or cumulative[-1] == 0:
            leaf, cumulative = None, self._all
        places = np.searchsorted(cumulative, (np.arange(count) + 0.5) / count * cumulative[-1], side="right")
        return places if leaf is None else self.by_leaf[leaf][places]

    def _draw(self, leaves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One living item of each given leaf, whatever the others are."""
        chosen = np.searchsorted(self._all, rng.random(leaves.shape) * self._all[-1], side="right")
        for leaf in np.unique(leaves[leaves >= 0]):
            cumulative = self._cumulative[leaf]
            if len(cumulative) and cumulative[-1] > 0:
                here = leaves == leaf
                points = rng.random(int(here.sum())) * cumulative[-1]
                chosen[here] = self.by_leaf[leaf][np.searchsorted(cumulative, points, side="right")]
        return np.minimum(chosen, len(self.leaf) - 1)


class Trends:
    """Fashions of brands, which turn over night by night, and the days on which items are sold last.

    Its randomness is its own: a marketplace without trends is the same as ever.

    Args:
        config: of the marketplace.
        trends: how fast things change.
        born: day of birth of each item.
    """

    def __init__(self, config: SimulatorConfig, trends: TrendsConfig, born: np.ndarray):
        self.trends, self._rng = trends, np.random.default_rng([config.seed, 1])
        self.fashion = self._draw(config.roots * config.brands)
        self.sold_until = np.full(len(born), np.inf)
        if trends.lifetime is not None:
            self.sold_until = np.maximum(born, 0) + 1 + self._rng.exponential(trends.lifetime, len(born))

    def night(self) -> None:
        """A part of the fashion is new in the morning."""
        kept = 1 - self.trends.turnover
        self.fashion = np.sqrt(kept) * self.fashion + np.sqrt(1 - kept) * self._draw(len(self.fashion))

    def _draw(self, brands: int) -> np.ndarray:
        return self._rng.normal(0, self.trends.fashion, brands)


class Population:
    """Users: a profile, a taste for price and quality, and several interests of different strength.

    Args:
        config: sizes.
        assortment: where interests come from.
        rng: source of randomness.
    """

    def __init__(self, config: SimulatorConfig, assortment: Assortment, rng: np.random.Generator):
        self.config, self.assortment = config, assortment
        count = config.users
        self.gender, self.age_group = rng.integers(0, 2, count), rng.integers(0, 6, count)
        self.city, self.device = rng.integers(0, 4, count), rng.integers(0, 3, count)
        self.activity = rng.gamma(1.5, 1 / 1.5, count)
        # Profile says a little about the price level a user likes, the history says the rest.
        self.price_level = 0.35 * (self.age_group - 2.5) / 1.7 + 0.25 * (self.city - 1.5) + 0.8 * rng.normal(0, 1, count)
        self.price_care = rng.gamma(2.0, 0.25, count)
        self.leaf = np.empty((count, config.interests), np.int64)
        self.brand = np.empty((count, config.interests), np.int64)
        self._new_interests(np.repeat(np.arange(count), config.interests), np.tile(np.arange(config.interests), count), rng)
        self.strength = rng.dirichlet(np.full(config.interests, 2.0), count)

    def drift(self, rng: np.random.Generator) -> None:
        """A night passes: some users lose their weakest interest to a new one."""
        users = np.flatnonzero(rng.random(len(self.leaf)) < self.config.drift)
        weakest = self.strength[users].argmin(1)
        self._new_interests(users, weakest, rng)
        self.strength[users] = rng.dirichlet(np.full(self.config.interests, 2.0), len(users))

    def _new_interests(self, users: np.ndarray, places: np.ndarray, rng: np.random.Generator) -> None:
        """An interest is the leaf and the brand of an item drawn at random."""
        items = rng.integers(0, len(self.assortment.leaf), len(users))
        self.leaf[users, places] = self.assortment.leaf[items]
        self.brand[users, places] = self.assortment.brand[items]


def _repeated(pages: np.ndarray) -> np.ndarray:
    """Places whose item stands at an earlier place of the page, `[pages, places]`."""
    order = np.argsort(pages, axis=1, kind="stable")
    ranked = np.take_along_axis(pages, order, 1)
    repeated = np.zeros(pages.shape, bool)
    np.put_along_axis(repeated, order[:, 1:], ranked[:, 1:] == ranked[:, :-1], 1)
    return repeated


def _draw_rows(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column of each row, by the row's probabilities."""
    return (probabilities.cumsum(1) < rng.random((len(probabilities), 1)) * (1 - 1e-12)).sum(1)
