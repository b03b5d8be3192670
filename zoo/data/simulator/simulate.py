"""A marketplace over time, as requests and as a log."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa

from zoo import files
from zoo.config import ConfigError
from zoo.data.catalogue import CatalogueRow
from zoo.data.columnar import to_requests
from zoo.data.layout import POOLS, SPLITS
from zoo.data.log_shard import SHARD_REQUESTS, LogShard
from zoo.data.request import Request
from zoo.data.request_log import RequestLog, RequestLogWriter
from zoo.data.simulator.cascade_shop import CascadeShop
from zoo.data.simulator.config import SimulatorConfig
from zoo.data.simulator.live.studio import Studio
from zoo.data.simulator.market import DAY, Assortment, Population
from zoo.data.simulator.schema import simulator_schema
from zoo.data.simulator.shop import Shop

_BATCH = 4_096  # requests that are written at a time
_CANDIDATES = 1 << 18  # that are written at a time
_HOURS = (18, 21)  # that divide a day into splits
Kind = TypeVar("Kind", bound=Shop | Studio)


def simulate(config: SimulatorConfig) -> Iterator[tuple[str, Request]]:
    """Requests in order of time, each with its split; see `simulate_days`."""
    schema = simulator_schema(config)
    for split, batch in simulate_days(config):
        for request in to_requests(schema, batch):
            yield split, request


class Marketplace(Generic[Kind]):
    """Goods, users and the shop where they meet, before its first day.

    Args:
        config: of all three.
        kind: of the shop.
    """

    def __init__(self, config: SimulatorConfig, kind: type[Kind]):
        self.config, self.rng = config, np.random.default_rng(config.seed)
        self.goods = Assortment(config, self.rng)
        self.users = Population(config, self.goods, self.rng)
        self.shop = kind(config, self.goods, self.users, self.rng)

    def days(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """See `simulate_days`."""
        config, shop, left = self.config, self.shop, self.config.requests
        for day in range(config.days):
            split = "test" if day >= config.first_test_day else "validation" if day == config.first_test_day - 1 else "train"
            today = min(left, config.requests_a_day)
            if day == config.days - 1 and isinstance(shop, CascadeShop):
                batch, pools = shop.day_with_pools(day, today)
                yield split, batch
                if len(pools):
                    yield POOLS, pools
            else:
                yield split, shop.day(day, today)
            left -= today
            self.users.drift(self.rng)
            if self.goods.trends:
                self.goods.trends.night()


def simulate_days(config: SimulatorConfig) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The requests of day after day, in order of time.

    Args:
        config: of the marketplace.

    Yields:
        `(split, batch)`: the last `test_days` are `test`, the one before them `validation`, all others `train`; of a cascade's
        last day, the requests with whole pools are `pools`.
    """
    yield from _market(config).days()


def write_simulated_log(config: SimulatorConfig, path: files.PathLike, overwrite: bool = False,
                        on_progress: Callable[[int, int], None] = lambda done, total: None) -> RequestLog:
    """Simulates a marketplace and writes its request log, in files that several processes can share.

    Args:
        config: of the marketplace.
        path: folder to make; a local path or a URI.
        overwrite: replace an existing log.
        on_progress: called with the requests done and the total.

    Returns:
        The log.
    """
    with RequestLogWriter(path, simulator_schema(config), _source(config), overwrite=overwrite) as log:
        for number, parts in itertools.groupby(_parts(config), lambda part: part[0] // SHARD_REQUESTS):
            with LogShard(log.partial, log.schema, number) as shard:
                for before, split, part in parts:
                    shard.write(split, part)
                    on_progress(before + len(part), config.requests)
            log.add(shard.counts)
        log.write_catalogue(_catalogue(config))
    return RequestLog(path)


def write_simulated_days(config: SimulatorConfig, folder: files.PathLike, overwrite: bool = False,
                         on_progress: Callable[[int, int], None] = lambda done, total: None) -> list[str]:
    """Simulates a marketplace and writes a request log of each day, in folders named by the date: `FOLDER/2023-11-15`.

    A day is divided by its hours: what comes before 18:00 is `train`, before 21:00 `validation`, and then `test`.

    Args:
        config, overwrite, on_progress: as of `write_simulated_log`.
        folder: of all logs.

    Returns:
        The logs' folders, in order of time.

    Raises:
        ConfigError: a cascade, whose pools are of the last day alone.
    """
    if config.cascade and config.cascade.pools:
        raise ConfigError("pools are of the last day of a log; a log of each day has none: set cascade.pools to 0")
    rows, paths, done = list(_catalogue(config)), [], 0
    for day, (_, batch) in enumerate(simulate_days(config)):
        midnight = config.start + DAY * day
        date = datetime.datetime.fromtimestamp(midnight, datetime.timezone.utc).date()
        path = files.join(folder, date.isoformat())
        times = batch.column("request_time").values.to_numpy() - midnight
        cuts = [0, *np.searchsorted(times, [hour * DAY // 24 for hour in _HOURS]), len(batch)]
        with RequestLogWriter(path, simulator_schema(config), _source(config) | {"day": day}, overwrite=overwrite) as log:
            with LogShard(log.partial, log.schema, 0) as shard:
                for split, begin, end in zip(SPLITS, cuts[:-1], cuts[1:], strict=True):
                    for start in range(begin, end, _BATCH):
                        shard.write(split, batch.slice(start, min(_BATCH, end - start)))
            log.add(shard.counts)
            log.write_catalogue([row for row in rows if row.valid_from < midnight + DAY])
        paths.append(path)
        done += len(batch)
        on_progress(done, config.requests)
    return paths


def _source(config: SimulatorConfig) -> dict[str, Any]:
    """What a log says of its making."""
    return {"kind": "simulator", "config": config.model_dump(mode="json")}


def _parts(config: SimulatorConfig) -> Iterator[tuple[int, str, pa.RecordBatch]]:
    """What is written at a time: how many requests were before, the split, and the requests."""
    before = 0
    for split, day in simulate_days(config):
        wide = len(day.column("label_click").values) // len(day)
        step = max(1, min(_BATCH, _CANDIDATES // wide))
        for start in range(0, len(day), step):
            part = day.slice(start, step)
            yield before, split, part
            before += len(part)


def _market(config: SimulatorConfig) -> Marketplace[Any]:
    """The marketplace of the scenario."""
    return Marketplace(config, Studio if config.live else CascadeShop if config.cascade else Shop)


def _catalogue(config: SimulatorConfig) -> Iterator[CatalogueRow]:
    """What can be a candidate: items, or hosts; the same again as those of the log."""
    market = _market(config)
    return market.shop.hosts.catalogue() if config.live else market.goods.catalogue()
