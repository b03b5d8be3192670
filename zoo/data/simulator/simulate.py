"""The days of the marketplace: who comes, what they are shown, what they click."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from zoo import files
from zoo.data.request import Request
from zoo.data.request_log import RequestLog, RequestLogWriter
from zoo.data.simulator.config import SimulatorConfig
from zoo.data.simulator.market import DAY, Assortment, Population
from zoo.data.simulator.schema import simulator_schema

_NAN = float("nan")


def simulate(config: SimulatorConfig) -> Iterator[tuple[str, Request]]:
    """Requests in order of time, each with its split, without holding more than a day of them.

    Args:
        config: of the marketplace.

    Yields:
        `(split, request)`: the last day is `test`, the one before `validation`, all others `train`.
    """
    rng = np.random.default_rng(config.seed)
    goods = Assortment(config, rng)
    users = Population(config, goods, rng)
    shop = _Shop(config, goods, users, rng)
    left = config.requests
    for day in range(config.days):
        split = {config.days - 1: "test", config.days - 2: "validation"}.get(day, "train")
        today = min(left, round(config.users * config.requests_per_user_day))
        if day == config.days - 1:
            today = left
        for request in shop.day(day, today):
            yield split, request
        left -= today
        users.drift(rng)


def write_simulated_log(config: SimulatorConfig, path: files.PathLike, overwrite: bool = False,
                        on_progress: Callable[[int, int], None] = lambda done, total: None) -> RequestLog:
    """Simulates a marketplace and writes its request log.

    Args:
        config: of the marketplace.
        path: folder to make; a local path or a URI.
        overwrite: replace an existing log.
        on_progress: called with the requests done and the total.

    Returns:
        The log.
    """
    source = {"kind": "simulator", "config": config.model_dump(mode="json")}
    with RequestLogWriter(path, simulator_schema(config), source, overwrite=overwrite) as log:
        for done, (split, request) in enumerate(simulate(config), start=1):
            log.write(split, request)
            if done % 500 == 0 or done == config.requests:
                on_progress(done, config.requests)
        # The assortment is what the seed is drawn from first, so it is the same again.
        log.write_catalogue(Assortment(config, np.random.default_rng(config.seed)).catalogue())
    return RequestLog(path)


class _Shop:
    """State that outlives a day: click histories of the users, counters of the items."""

    def __init__(self, config: SimulatorConfig, goods: Assortment, users: Population, rng: np.random.Generator):
        self.config, self.goods, self.users, self.rng = config, goods, users, rng
        # Ring buffers: the place of a user's n-th click is n modulo the length kept.
        self.clicked = np.zeros((config.users, config.history), np.int64)
        self.clicked_at = np.zeros((config.users, config.history), np.int64)
        self.clicks = np.zeros(config.users, np.int64)
        self.item_impressions, self.item_clicks = np.zeros(config.items), np.zeros(config.items)
        self.made = 0

    def day(self, day: int, count: int) -> list[Request]:
        """The requests of a day, in order of time."""
        self.goods.open_day(day)
        share = self.users.activity / self.users.activity.sum()
        visits = self.rng.multinomial(count, share)
        visitors = np.repeat(np.arange(len(visits)), visits)
        times = np.sort(self.rng.integers(0, DAY, count))
        # Each user's own visits keep their order; between users, times are mixed.
        owner = self.rng.permutation(visitors)
        order = np.lexsort((np.arange(count), owner))
        turn = np.empty(count, np.int64)
        turn[order] = np.concatenate([np.arange(v) for v in visits[visits > 0]]) if count else []
        shown_before = self.item_impressions.copy(), self.item_clicks.copy()
        requests: list[Request | None] = [None] * count
        for one_turn in range(int(turn.max(initial=-1)) + 1):
            places = np.flatnonzero(turn == one_turn)
            at = self.config.start + day * DAY + times[places]
            for place, request in zip(places, self._pages(owner[places], at, day, shown_before), strict=True):
                requests[place] = request
        return [self._named(request) for request in requests if request is not None]

    def _named(self, request: Request) -> Request:
        self.made += 1
        return Request(f"q{self.made}", *(getattr(request, name) for name in (
            "time", "features", "sequences", "candidates", "labels", "truth")))

    def _pages(self, who: np.ndarray, at: np.ndarray, day: int,
               before: tuple[np.ndarray, np.ndarray]) -> Iterator[Request]:
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
        pages = [self._request(row, who[row], at[row], day, items[row], click[row], truth[row], purchase[row],
                               desire[row], before) for row in range(len(who))]
        self._remember(who, at, items, click)
        yield from pages

    def _impressions(self, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Candidates of each page, and the interest that brought the user: most of the page is about it."""
        config, rng = self.config, self.rng
        focus = (self.users.strength[who].cumsum(1) < rng.random((len(who), 1))).sum(1).clip(0, config.interests - 1)
        shape = (len(who), config.page)
        about = np.where(rng.random(shape) < 0.5, focus[:, None], rng.integers(0, config.interests, shape))
        leaves = np.take_along_axis(self.users.leaf[who], about, 1)
        leaves = np.where(rng.random(shape) < config.exploration, -1, leaves)
        return self.goods.sample(leaves, rng), focus

    def _appeal(self, who: np.ndarray, items: np.ndarray, focus: np.ndarray) -> np.ndarray:
        """Logit of a click on an examined candidate."""
        users, goods = self.users, self.goods
        same_leaf = users.leaf[who][:, None, :] == goods.leaf[items][..., None]
        same_brand = users.brand[who][:, None, :] == goods.brand[items][..., None]
        current = np.arange(self.config.interests) == focus[:, None]
        # The strongest of the interests that an item serves; the one that brought the user counts most.
        weight = 1.3 + 1.2 * current + 1.2 * users.strength[who]
        interest = (same_leaf * weight[:, None, :] * (1 + 0.6 * same_brand)).max(2)
        brand = 0.7 * same_brand.any(2)
        price = -users.price_care[who][:, None] * (goods.price_level[items] - users.price_level[who][:, None]) ** 2
        # The same item again bores, whatever the interest.
        kept = np.arange(self.config.history) < self.clicks[who][:, None]
        seen = ((self.clicked[who][:, None, :] == items[..., None]) & kept[:, None, :]).any(2)
        return self.config.base + interest + brand + np.maximum(price, -2.0) + 0.4 * goods.quality[items] - 1.0 * seen

    def _request(self, row: int, user: int, at: int, day: int, items: np.ndarray, click: np.ndarray, truth: np.ndarray,
                 purchase: np.ndarray, desire: np.ndarray, before: tuple[np.ndarray, np.ndarray]) -> Request:
        users, goods = self.users, self.goods
        kept = min(int(self.clicks[user]), self.config.history)
        places = (self.clicks[user] - kept + np.arange(kept)) % self.config.history
        past, gaps = self.clicked[user, places], at - self.clicked_at[user, places]
        impressions, clicks = before[0][items], before[1][items]
        values = {"click": (click, truth), "purchase": (purchase, desire)}
        return Request(
            request_id="", time=int(at),
            features={"user_id": f"u{user}", "gender": "fm"[users.gender[user]], "age_group": f"a{users.age_group[user]}",
                      "city": f"c{users.city[user]}", "hour": f"h{at % DAY // 3600}",
                      "device": f"d{users.device[user]}"},
            sequences={"history": goods.describe(past) | {"gap": gaps.astype(float).tolist()}},
            candidates=goods.describe(items) | {
                "past_ctr": ((clicks + 2) / (impressions + 30)).tolist(), "past_impressions": impressions.tolist(),
                "age_days": (day - goods.born[items]).astype(float).tolist()},
            labels={name: values[name][0].tolist() for name in self.config.labels},
            truth={name: values[name][1].tolist() for name in self.config.labels},
        )

    def _remember(self, who: np.ndarray, at: np.ndarray, items: np.ndarray, click: np.ndarray) -> None:
        np.add.at(self.item_impressions, items.ravel(), 1)
        np.add.at(self.item_clicks, items.ravel(), click.ravel())
        for column in range(items.shape[1]):
            rows = np.flatnonzero(click[:, column])
            user = who[rows]
            place = self.clicks[user] % self.config.history
            self.clicked[user, place], self.clicked_at[user, place] = items[rows, column], at[rows]
            self.clicks[user] += 1
