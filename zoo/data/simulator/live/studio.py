"""The days of the live scenario: who comes, which rooms are offered, who enters, stays and orders."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from zoo.data.columnar import arrow_schema, lists
from zoo.data.simulator.config import SimulatorConfig
from zoo.data.simulator.live.columns import to_batch
from zoo.data.simulator.live.config import DAY_MINUTES
from zoo.data.simulator.live.counters import Counters
from zoo.data.simulator.live.rooms import Hosts, Rooms
from zoo.data.simulator.live.schema import live_schema
from zoo.data.simulator.live.viewers import LOOKED, ORDERED, Past, Ring, occurrences
from zoo.data.simulator.market import DAY, Assortment, Population
from zoo.data.simulator.named import named

_WEEK, _FORTNIGHT = 7 * DAY, 15 * DAY
_NEVER = 60 * 24.0  # hours


class Order(NamedTuple):
    """Orders that have not arrived yet: of whom, what, in which room (its number over all days) and of which host, and when
    they arrive."""

    who: np.ndarray
    item: np.ndarray
    room: np.ndarray
    host: np.ndarray
    at: np.ndarray


class Studio:
    """State that outlives a day: what users did, what was counted, orders on their way.

    Args:
        config: of the marketplace; `config.live` of the scenario.
        goods: what hosts sell.
        users: who watches.
        rng: source of randomness.
    """

    def __init__(self, config: SimulatorConfig, goods: Assortment, users: Population, rng: np.random.Generator):
        assert config.live is not None
        self.config, self.live, self.goods, self.users, self.rng = config, config.live, goods, users, rng
        self.hosts = Hosts(config, self.live, goods, rng)
        # A user belongs to two communities.
        self.belongs = np.zeros((config.users, self.live.communities), bool)
        for _ in range(2):
            self.belongs[np.arange(config.users), rng.integers(0, self.live.communities, config.users)] = True
        self.watched, self.looked = Ring(config.users, self.live.watched), Ring(config.users, config.history)
        self.often = np.zeros((config.users, self.live.hosts), np.int32)
        self.counters = Counters(self.live, config.days)
        self.sold = np.zeros((0, self.live.sold), np.int64)
        self.sold_count = np.zeros(0, np.int64)
        nothing = np.zeros(0, np.int64)
        self.on_their_way = Order(nothing, nothing, nothing, nothing, nothing)
        self.rooms_before, self.made = 0, 0
        self.schema = arrow_schema(live_schema(self.live, config.history))

    def day(self, day: int, count: int) -> pa.RecordBatch:
        """The requests of a day, in order of time."""
        rng, live = self.rng, self.live
        self.rooms = Rooms(self.hosts, live, self.config.page, self.rooms_before, rng)
        self.rooms_before += len(self.rooms.host)
        self.counters.open_day(day, len(self.rooms.host), DAY_MINUTES // live.tick)
        self.sold = np.zeros((len(self.rooms.host), live.sold), np.int64)
        self.sold_count = np.zeros(len(self.rooms.host), np.int64)
        self.midnight = self.config.start + day * DAY
        share = self.users.activity / self.users.activity.sum()
        who = rng.permutation(np.repeat(np.arange(self.config.users), rng.multinomial(count, share)))
        at = self.midnight + np.sort(rng.integers(0, DAY, count))
        ticks = (at - self.midnight) // (60 * live.tick)
        validation = self.config.first_test_day - 1
        until = self.config.start + validation * DAY if day < validation else None
        shown: list[dict[str, Any]] = []
        for tick in range(DAY_MINUTES // live.tick):
            self._arrive(tick)
            now = slice(*np.searchsorted(ticks, [tick, tick + 1]))
            # A user's second visit in a tick comes after the first one.
            shown += [self._requests(who[now][turn], at[now][turn], tick) for turn in occurrences(who[now])]
        batch = to_batch(_joined(shown), self.schema, self.goods, self.hosts, self.users, until)
        order = np.argsort(batch.column("request_time").flatten().to_numpy(), kind="stable")
        self.made += count
        names = lists(named("q", np.arange(self.made - count + 1, self.made + 1)), np.ones(count, np.int64))
        table = pa.Table.from_batches([batch]).take(order)
        table = table.set_column(table.schema.get_field_index("request_id"), self.schema.field("request_id"), names)
        return table.combine_chunks().to_batches(count)[0]

    def _requests(self, who: np.ndarray, at: np.ndarray, tick: int) -> dict[str, Any]:
        """One request of each of some different users, and what came of it."""
        rng, live, rooms = self.rng, self.live, self.rooms
        features = self._of_users(who, at)
        on_air = rooms.open_at(tick)
        taste = self._taste(self._reasons(who, on_air, tick))
        # The platform offers what it believes to be good, through noise, and some rooms at random.
        order = taste["click"] + rng.normal(0, 2.0, taste["click"].shape)
        order = np.where(rng.random(order.shape) < self.config.exploration, rng.normal(0, 4.0, order.shape), order)
        chosen = np.argsort(-order, 1)[:, :self.config.page]
        room = on_air[chosen]
        taste = {name: np.take_along_axis(values, chosen, 1) for name, values in taste.items()}
        examined = 1 / (1 + self.config.position_decay * np.arange(room.shape[1]))
        truth = examined / (1 + np.exp(-taste["click"]))
        click = rng.random(room.shape) < truth
        stay = np.maximum(taste["stay"] + rng.normal(0, 0.8, room.shape), 0.0)
        bought = 1 / (1 + np.exp(-taste["order"]))
        ordered = click & (rng.random(room.shape) < bought)
        delay = rng.exponential(live.delay_hours * 3600, room.shape).astype(np.int64)
        flat, host = room.ravel(), rooms.host[room.ravel()]
        part = features | {
            "room": flat, "host": host, "shelf": rooms.shelf_at(flat, tick), "sold": self.sold[flat].copy(),
            "sold_count": np.minimum(self.sold_count[flat], live.sold),
            "minutes_open": (tick - rooms.opens[flat]) * live.tick, "known": self.counters.known(flat, host, tick),
            "click": click, "truth_click": truth, "stay": np.where(click, stay, np.nan), "truth_stay": taste["stay"],
            "ordered": ordered, "truth_order": bought, "ordered_at": at[:, None] + delay}
        self._remember(who, at, room, tick, click, stay, ordered, part["ordered_at"])
        return part

    def _reasons(self, who: np.ndarray, on_air: np.ndarray, tick: int) -> dict[str, np.ndarray]:
        """What speaks for users `[R]` in rooms `[O]`, `[R, O]`; what all users see alike, `[O]`."""
        users, rooms, hosts, host = self.users, self.rooms, self.hosts, self.rooms.host[on_air]
        strength = 0.5 + users.strength[who]
        alike = (users.leaf[who][:, None, :, None] == hosts.leaf[host][None, :, None, :]).any(3)  # [R, O, interests]
        return {"interest": (alike * strength[:, None, :]).max(2),
                "friends": self.belongs[who][:, hosts.community[host]].astype(float),
                "loyal": np.minimum(self.often[who][:, host], 3) / 3,
                "fits": self._fit(who, rooms.shelf_at(on_air, tick)).max(2),
                "moment": rooms.excitement[on_air, tick], "charm": hosts.charm[host]}

    def _taste(self, why: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Logit of an entry, expected log stay, and logit of an order, `[R, O]`, by what speaks for them."""
        interest, friends, loyal, fits, moment, charm = (
            why[name] for name in ("interest", "friends", "loyal", "fits", "moment", "charm"))
        return {
            "click": self.config.base + 1.6 * interest + 1.3 * friends + 0.9 * loyal + 0.4 * charm + 0.5 * moment + 0.7 * fits,
            "stay": 2.5 + 0.5 * interest + 0.9 * friends + 0.35 * moment + 0.25 * charm,
            "order": -2.8 + 1.5 * fits + 0.5 * moment + 0.5 * friends + 0.2 * charm}

    def _fit(self, who: np.ndarray, shelf: np.ndarray) -> np.ndarray:
        """`[R, O, shelf]` how well products on shelves `[O, shelf]` (or `[R, O, shelf]`) fit users."""
        users, goods = self.users, self.goods
        items = np.broadcast_to(shelf, (len(who), *shelf.shape[-2:]))
        best = np.zeros(items.shape)
        for one in range(self.config.interests):
            same = goods.leaf[items] == users.leaf[who][:, one, None, None]
            brand = goods.brand[items] == users.brand[who][:, one, None, None]
            np.maximum(best, same * (0.5 + users.strength[who][:, one, None, None] + 0.5 * brand), out=best)
        price = users.price_care[who][:, None, None] * (goods.price_level[items] - users.price_level[who][:, None, None]) ** 2
        return best - 0.3 * np.minimum(price, 2.0)

    def _of_users(self, who: np.ndarray, at: np.ndarray) -> dict[str, Any]:
        rooms, products = self.watched.past(who), self.looked.past(who)
        last = np.full(len(who), -1)
        ends = np.cumsum(rooms.kept)
        seen = rooms.kept > 0
        last[seen] = rooms.at[ends[seen] - 1]
        room_age = np.repeat(at, rooms.kept) - rooms.at
        product_age = np.repeat(at, products.kept) - products.at
        owner = np.repeat(np.arange(len(who)), rooms.kept), np.repeat(np.arange(len(who)), products.kept)
        lately = (products.beside == ORDERED) & (product_age < _FORTNIGHT)
        return {"who": who, "at": at, "rooms": rooms, "room_age": room_age, "products": products, "product_age": product_age,
                "hours_away": np.where(seen, (at - last) / 3600, _NEVER),
                "watched_week": np.bincount(owner[0][room_age < _WEEK], minlength=len(who)),
                "ordered_fortnight": np.bincount(owner[1][lately], minlength=len(who))}

    def _remember(self, who: np.ndarray, at: np.ndarray, room: np.ndarray, tick: int, click: np.ndarray, stay: np.ndarray,
                  ordered: np.ndarray, ordered_at: np.ndarray) -> None:
        rooms, rng = self.rooms, self.rng
        self.counters.add("impressions", room.ravel(), rooms.host[room.ravel()], tick)
        row, place = np.nonzero(click)
        entered, user, time = room[row, place], who[row], at[row]
        host = rooms.host[entered]
        self.counters.add("clicks", entered, host, tick)
        leaves = (time - self.midnight + np.expm1(stay[row, place])) // (60 * self.live.tick)
        self.counters.watch(entered, np.full(len(row), tick), np.minimum(leaves.astype(np.int64), rooms.closes[entered] - 1))
        self.watched.add(user, host, stay[row, place], time)
        np.add.at(self.often, (user, host), 1)
        if not len(row):
            return
        shelf = rooms.shelf_at(entered, tick)
        fits = self._fit(user, shelf[:, None, :])[:, 0] + rng.gumbel(0, 0.3, shelf.shape)
        item = np.take_along_axis(shelf, fits.argmax(1)[:, None], 1)[:, 0]
        looks = rng.random(len(row)) < 0.7
        self.looked.add(user[looks], item[looks], np.full(int(looks.sum()), LOOKED), time[looks])
        buys = ordered[row, place]
        more = Order(user[buys], item[buys], entered[buys] + rooms.first, host[buys], ordered_at[row, place][buys])
        self.on_their_way = Order(*(np.concatenate(pair) for pair in zip(self.on_their_way, more, strict=True)))

    def _arrive(self, tick: int) -> None:
        """Orders that came before the tick, in the order of time; they are known from its beginning on."""
        now, waiting = self.midnight + tick * 60 * self.live.tick, self.on_their_way
        come = waiting.at < now
        if not come.any():
            return
        order = np.argsort(waiting.at[come], kind="stable")
        who, item, room, host, _ = (values[come][order] for values in waiting)
        self.on_their_way = Order(*(values[~come] for values in waiting))
        today = room - self.rooms.first
        # Counted in the tick before, in which they came; at midnight, in the day's first.
        self.counters.add("orders", today, host, max(tick - 1, 0))
        self.looked.add(who, item, np.full(len(who), ORDERED), np.full(len(who), now))
        for number, bought in zip(today[today >= 0].tolist(), item[today >= 0].tolist(), strict=True):
            self.sold[number] = np.r_[bought, self.sold[number][:-1]]
            self.sold_count[number] += 1


def _joined(shown: list[Any]) -> Any:
    """Of the same things at several times all, one time's after the other's."""
    first = shown[0]
    if isinstance(first, dict):
        return {name: _joined([one[name] for one in shown]) for name in first}
    if isinstance(first, Past):
        return Past(*(np.concatenate(values) for values in zip(*shown, strict=True)))
    return np.concatenate(shown)
