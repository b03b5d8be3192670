"""Hosts, and the rooms that they open on a day: when, with which shelf, and how exciting each moment is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.data.catalogue import CatalogueRow
from zoo.data.simulator.config import SimulatorConfig
from zoo.data.simulator.live.config import DAY_MINUTES, LiveConfig
from zoo.data.simulator.market import Assortment

_SPECIALITIES = 3
_HALF_HOURS = DAY_MINUTES // 30


class Hosts:
    """Who sells: specialities, charm, a level that the platform gives, and a community that nobody wrote down.

    Args:
        config: of the marketplace.
        live: of the scenario.
        goods: what there is to sell.
        rng: source of randomness.
    """

    def __init__(self, config: SimulatorConfig, live: LiveConfig, goods: Assortment, rng: np.random.Generator):
        count, there = live.hosts, np.flatnonzero(goods.born <= 0)
        # A host is born of items, so that large leaves have many hosts.
        self.leaf = goods.leaf[rng.choice(there, (count, _SPECIALITIES))]
        self.charm = rng.normal(0, 1, count)
        self.level = np.digitize(self.charm + rng.normal(0, 0.7, count), [-1, 0, 1])
        self.community = rng.integers(0, live.communities, count)
        self.products = np.stack([self._products(goods, leaves, there, live.assortment, rng) for leaves in self.leaf])
        self.start = config.start

    def catalogue(self) -> Iterator[CatalogueRow]:
        """Every host, from the first day on."""
        for host, (leaf, level) in enumerate(zip(self.leaf[:, 0].tolist(), self.level.tolist(), strict=True)):
            yield CatalogueRow(f"host{host}", self.start, {"category": f"c{leaf}", "level": f"l{level}"})

    @staticmethod
    def _products(goods: Assortment, leaves: np.ndarray, there: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Different products of the host's leaves; of all others, where these have too few."""
        order = rng.permutation(there)
        own = np.isin(goods.leaf[order], leaves)
        return np.r_[order[own], order[~own]][:count]


class Rooms:
    """The rooms of a day.

    Args:
        hosts: who opens them.
        live: of the scenario.
        always: so many hosts, the first ones, are on air all day.
        first: number of the day's first room.
        rng: source of randomness.

    Attributes:
        host: `[rooms]`.
        opens, closes: `[rooms]` first tick that a room is open, and the first that it is not.
        shelf: `[rooms, half hours, shelf]` items.
        excitement: `[rooms, ticks]`.
    """

    def __init__(self, hosts: Hosts, live: LiveConfig, always: int, first: int, rng: np.random.Generator):
        self.live, self.first, ticks = live, first, DAY_MINUTES // live.tick
        count = len(hosts.charm)
        lasts = rng.integers(live.minutes[0], live.minutes[1] + 1, count) // live.tick
        opens = (rng.random(count) * (ticks - lasts)).astype(np.int64)
        on_air = rng.random(count) < live.opens
        opens[:always], lasts[:always], on_air[:always] = 0, ticks, True
        self.host = np.flatnonzero(on_air)
        self.opens, self.closes = opens[self.host], (opens + np.maximum(lasts, 1))[self.host]
        # What stays on the shelf has a lasting place in the queue of the host's products, what changes a passing one.
        products = hosts.products[self.host]
        queue = rng.random(products.shape)[:, None, :] + 0.5 * rng.random((len(self.host), _HALF_HOURS, products.shape[1]))
        chosen = np.argpartition(queue, live.shelf - 1, axis=2)[:, :, :live.shelf]
        self.shelf = np.take_along_axis(np.broadcast_to(products[:, None, :], queue.shape), chosen, 2)
        self.excitement = np.zeros((len(self.host), ticks))
        for tick in range(1, ticks):
            self.excitement[:, tick] = 0.9 * self.excitement[:, tick - 1] + rng.normal(0, 0.45, len(self.host))

    def open_at(self, tick: int) -> np.ndarray:
        """The rooms that are open."""
        return np.flatnonzero((self.opens <= tick) & (tick < self.closes))

    def shelf_at(self, rooms: np.ndarray, tick: int) -> np.ndarray:
        """`[..., shelf]` what lies on the shelves of rooms."""
        return self.shelf[rooms, tick * self.live.tick // 30]
