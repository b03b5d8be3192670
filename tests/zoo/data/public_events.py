"""Small invented files in the layouts of public event logs, and what the import has to make of them."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo.data.importer.config import ImportConfig

DAY = 86_400


class Event(NamedTuple):
    """Who clicked on what, when, in which visit (of some users); as the layout's own ids."""

    user: int
    session: int
    time: int
    kind: int
    item: int

    @property
    def moment(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.time, datetime.timezone.utc)


def events(config: ImportConfig, count: int = 500, users: int = 25) -> list[Event]:
    """Visits from six days before the validation split on, sorted by time."""
    begin, end = (int(moment.timestamp()) for moment in (config.splits.validation_from, config.splits.until))
    return _visits(begin - 6 * DAY, end, count, users)


def _visits(begin: int, end: int, count: int, users: int) -> list[Event]:
    rng, found, session = np.random.default_rng(5), [], 0
    while len(found) < count:
        session, user, time = session + 1, int(rng.integers(users)), int(rng.integers(begin, end - 2_000))
        for _ in range(int(rng.integers(2, 6))):
            found.append(Event(user, session, time, int(rng.integers(4)), int(rng.integers(40) * rng.random())))
            time += int(rng.integers(20, 300))
    return sorted(found, key=lambda event: event.time)


class Layout(NamedTuple):
    """How a log writes its events.

    Args:
        file: what it is called.
        header: names of its columns, "" for none.
        row: the fields of an event, or what stands in a line for several.
        user, item: as it calls them.
        time: seconds since 1970 of an event, as exactly as the log says it.
        separator: between fields.
        clicked: kinds that are clicks.
        sessions: whether it has sessions.
        beside: writes further files into a folder.
        line: what stands in a line, where that is no list of fields.
    """

    file: str
    header: str
    row: Callable[[Event], list[Any]]
    user: Callable[[Event], str]
    item: Callable[[Event], str]
    time: Callable[[Event], int] = lambda event: event.time
    separator: str = ","
    clicked: tuple[int, ...] = (0, 1, 2, 3)
    sessions: bool = False
    beside: Callable[[list[Event], Path], None] = lambda events, folder: None
    line: Callable[[list[Event]], Iterable[str]] | None = None

    def write(self, events: list[Event], folder: Path) -> Path:
        """Writes the events, in the order in which they are given."""
        lines = [self.header] if self.header else []
        lines += self.line(events) if self.line else [self.separator.join(map(str, self.row(one))) for one in events]
        (folder / self.file).write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.beside(events, folder)
        return folder / self.file

    def requests(self, events: list[Event], config: ImportConfig) -> set[tuple[str, int, str, tuple[str, ...]]]:
        """`(user, time, clicked item, items of the history)` of each request, by the rules of the docs."""
        until, test = config.splits.until.timestamp(), config.splits.test_from.timestamp()
        clicks = [one for one in events if one.kind in self.clicked and self.time(one) < until]
        began: dict[tuple[str, int], int] = {}
        past: dict[str, list[str]] = defaultdict(list)
        found = set()
        for one in sorted(clicks, key=self.time):
            user, time = self.user(one), self.time(one)
            visit = (user, one.session if self.sessions else 0)
            late = self.sessions and began.get(visit, time) < test <= time
            if visit in began and not late:
                found.add((user, time, self.item(one), tuple(past[user][-50:])))
            began.setdefault(visit, time)
            past[user].append(self.item(one))
        return found


def _day(event: Event) -> int:
    return event.time - event.time % DAY


def _otto(events: list[Event]) -> Iterable[str]:
    """A line for each user, with all events; one without any, too."""
    users: dict[int, list[Event]] = defaultdict(list)
    for one in events:
        users[one.user].append(one)
    for user, some in users.items():
        yield json.dumps({"session": user, "events": [
            {"aid": one.item, "ts": one.time * 1_000, "type": ["clicks", "carts", "orders", "clicks"][one.kind]}
            for one in some]})


def _amazon(events: list[Event]) -> Iterable[str]:
    for one in events:
        yield json.dumps({"reviewerID": f"A{one.user}", "asin": f"{one.item:010d}", "overall": 2.0 + one.kind,
                          "reviewText": "fine, \"really\"\nfine", "unixReviewTime": _day(one)})


def write_orders(events: list[Event], folder: Path) -> None:
    numbers = sorted({(one.session, one.user, order_number(one, events)) for one in events})
    rows = [f"{session},{user},prior,{number},{number % 7},{number % 24:02d},{'' if number == 1 else 5}"
            for session, user, number in numbers]
    header = "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"
    (folder / "orders.csv").write_text("\n".join([header, *rows[::-1]]) + "\n", encoding="utf-8")


def order_number(event: Event, events: list[Event]) -> int:
    """The how manieth visit of its user it is."""
    return list(dict.fromkeys(one.session for one in events if one.user == event.user)).index(event.session) + 1


def _properties(events: list[Event], folder: Path) -> None:
    """Categories of the items, which change once, among other properties."""
    first, last = events[0].time - DAY, events[len(events) // 2].time
    rows = [f"{time * 1_000},{item},{name},{value}" for item in range(41)
            for time, name, value in ((first, "categoryid", f"c{item % 3}"), (first, "790", "n12.000 1165"),
                                      (last, "categoryid", f"d{item % 3}"))]
    (folder / "item_properties_part1.csv").write_text("\n".join(["timestamp,itemid,property,value", *rows]) + "\n")


_WORDS = {"taobao": ["pv", "cart", "fav", "buy"], "rees46raw": ["view", "cart", "remove_from_cart", "purchase"],
          "retailrocket": ["view", "addtocart", "view", "transaction"]}

LAYOUTS = {
    "taobao": Layout("UserBehavior.csv", "", lambda e: [e.user, e.item, e.item % 3, _WORDS["taobao"][e.kind], e.time],
                     lambda e: f"{e.user}", lambda e: f"{e.item}"),
    "movielens": Layout("ratings.dat", "", lambda e: [e.user, e.item, e.kind + 2, e.time], lambda e: f"{e.user}",
                        lambda e: f"{e.item}", separator="::", clicked=(2, 3)),
    "rees46raw": Layout(
        "2019-Oct.csv", "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session",
        lambda e: [e.moment.strftime("%Y-%m-%d %H:%M:%S UTC"), _WORDS["rees46raw"][e.kind], e.item, e.item % 3, "", "", 9.5,
                   e.user, f"d95b-{e.session}"],
        lambda e: f"{e.user}", lambda e: f"{e.item}", clicked=(0, 1, 3), sessions=True),
    "hm": Layout("transactions_train.csv", "t_dat,customer_id,article_id,price,sales_channel_id",
                 lambda e: [e.moment.date(), f"{e.user:064x}", f"0{e.item:09d}", "0.0508305084745762", 1 + e.kind % 2],
                 lambda e: f"{e.user:064x}", lambda e: f"0{e.item:09d}", _day),
    "yoochoose": Layout("yoochoose-clicks.dat", "",
                        lambda e: [e.session, e.moment.strftime("%Y-%m-%dT%H:%M:%S.845Z"), e.item, "S"],
                        lambda e: f"{e.session}", lambda e: f"{e.item}", sessions=True),
    "diginetica": Layout("train-item-views.csv", "sessionId;userId;itemId;timeframe;eventdate",
                         lambda e: [e.session, "NA" if e.user % 2 else e.user, e.item, e.time % DAY * 1_000, e.moment.date()],
                         lambda e: f"{e.session}" if e.user % 2 else f"{e.user}", lambda e: f"{e.item}", separator=";",
                         sessions=True),
    "tmall": Layout("user_log_format1.csv", "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type",
                    lambda e: [e.user, e.item, e.item % 3, 4, "2.0", f"{e.moment.month}{e.moment.day:02d}", e.kind],
                    lambda e: f"{e.user}", lambda e: f"{e.item}", _day),
    "amazon": Layout("reviews_Toys_5.json", "", lambda e: [], lambda e: f"A{e.user}", lambda e: f"{e.item:010d}", _day,
                     clicked=(2, 3), line=_amazon),
    "otto": Layout("train.jsonl", "", lambda e: [], lambda e: f"{e.user}", lambda e: f"{e.item}", line=_otto),
    "retailrocket": Layout("events.csv", "timestamp,visitorid,event,itemid,transactionid",
                           lambda e: [e.time * 1_000, e.user, _WORDS["retailrocket"][e.kind], e.item, ""],
                           lambda e: f"{e.user}", lambda e: f"{e.item}", beside=_properties),
}
