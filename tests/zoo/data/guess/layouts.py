"""Small invented files in the layouts of public logs."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START, DAY = 1_569_888_000, 86_400  # 2019-10-01
ITEMS, CATEGORIES, BRANDS, USERS = 80, 7, 9, 60
BRAND = ["acme", "l'oreal", "boots", "nord", "zap", "hill", "moto", "kings", "ohm"]


class Event(NamedTuple):
    """Who did what, when."""

    user: int
    session: int
    time: int
    kind: int  # 0 to 3: view, cart, favourite, purchase
    item: int

    @property
    def category(self) -> int:
        return self.item % CATEGORIES

    @property
    def brand(self) -> int:
        return self.item % BRANDS

    @property
    def price(self) -> float:
        return round(5 + 1.37 * self.item + 0.01 * (self.item % 10), 2)

    @property
    def moment(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.time, datetime.timezone.utc)


def events(count: int = 1_600, days: int = 20, seed: int = 0, by_user: bool = False) -> list[Event]:
    """Visits of some users over some days; sorted by time, or by user and time."""
    rng, found, session = np.random.default_rng(seed), [], 0
    while len(found) < count:
        session += 1
        user, time = int(rng.integers(USERS)), START + int(rng.integers(days * DAY))
        for _ in range(int(rng.integers(2, 7))):
            kind = int(rng.choice(4, p=[0.85, 0.07, 0.04, 0.04]))
            found.append(Event(user, session, time, kind, int(rng.integers(ITEMS) * rng.random())))
            time += int(rng.integers(5, 400))
    return sorted(found, key=lambda event: (event.user, event.time) if by_user else (event.time,))


def _write(path: Path, rows: list[list[Any]], separator: str = ",", header: str = "") -> Path:
    lines = ([header] if header else []) + [separator.join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rees46(folder: Path) -> Path:
    words = ["view", "cart", "remove_from_cart", "purchase"]
    rows = [[one.moment.strftime("%Y-%m-%d %H:%M:%S UTC"), words[one.kind], 1_000_000 + one.item,
             2_053_013_555_631_880_000 + one.category, f"home.kitchen.{one.category}" if one.category else "",
             BRAND[one.brand] if one.brand else "", one.price, 500_000 + one.user,
             f"d95bafc8-f2a4-d27b-{one.session:012x}"] for one in events()]
    return _write(folder / "2019-Oct.csv", rows,
                  header="event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session")


def retailrocket(folder: Path) -> Path:
    words = ["view", "addtocart", "view", "transaction"]
    rows = [[one.time * 1_000 + 259, 200_000 + one.user, words[one.kind], 4_000 + one.item,
             90 + one.session if one.kind == 3 else ""] for one in events()]
    return _write(folder / "events.csv", rows, header="timestamp,visitorid,event,itemid,transactionid")


def taobao(folder: Path) -> Path:
    words = ["pv", "cart", "fav", "buy"]
    rows = [[one.user + 1, 2_268_000 + one.item, 2_520_000 + one.category, words[one.kind], one.time]
            for one in events(by_user=True)]
    # As in the real one, a few times lie far away.
    rows[3][4], rows[700][4] = 1_000_000, 1_900_000_000
    return _write(folder / "UserBehavior.csv", rows)


def movielens(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    rows = [[one.user + 1, one.item + 1, int(rng.choice([1, 2, 3, 4, 5], p=[0.05, 0.1, 0.25, 0.35, 0.25])), one.time]
            for one in events(by_user=True)]
    return _write(folder / "ratings.dat", rows, "::")


def hm(folder: Path) -> Path:
    rows = [[one.moment.date(), f"{one.user * 7919:064x}", f"0{600_000_000 + one.item}", f"{one.price / 5_000:.18f}",
             1 + one.kind % 2] for one in events()]
    return _write(folder / "transactions_train.csv", rows, header="t_dat,customer_id,article_id,price,sales_channel_id")


def tianchi(folder: Path) -> Path:
    rows = [[98_000_000 + one.user, 232_000_000 + one.item, one.kind + 1, "", 4_000 + one.category,
             one.moment.strftime("%Y-%m-%d %H")] for one in events()]
    return _write(folder / "tianchi_mobile_recommend_train_user.csv", rows,
                  header="user_id,item_id,behavior_type,user_geohash,item_category,time")


def din(folder: Path) -> Path:
    """Samples with lists, half of them clicked."""
    rng, rows = np.random.default_rng(2), []
    for _ in range(900):
        past, item = rng.integers(1, ITEMS, int(rng.integers(1, 12))), int(rng.integers(1, ITEMS))
        rows.append({"user": int(rng.integers(USERS)), "gender": int(rng.integers(2)), "item_id": item,
                     "cate_id": item % CATEGORIES + 1, "hist_item_id": past.tolist(),
                     "hist_cate_id": (past % CATEGORIES + 1).tolist(), "pay_score": float(rng.random()),
                     "label": int(rng.integers(2))})
    pq.write_table(pa.Table.from_pylist(rows), folder / "din.parquet")
    return folder / "din.parquet"


def easyrec(folder: Path) -> Path:
    rng, rows = np.random.default_rng(3), []
    for _ in range(900):
        user, item = int(rng.integers(USERS)), int(rng.integers(ITEMS))
        past = rng.integers(ITEMS, size=int(rng.integers(1, 9)))
        clicked = int(rng.random() < 0.3)
        rows.append([clicked, int(clicked and rng.random() < 0.4), "430548_1007", 600_000 + item, 6_000 + item % CATEGORIES,
                     90_000 + item // 2, 40_000 + item // 3, 300 + item % BRANDS, 1_000 + user, user % 5, user % 3,
                     1 + user % 2, 1 + user % 6,
                     "|".join(str(6_000 + one % CATEGORIES) for one in past), "|".join(str(300 + one % BRANDS) for one in past),
                     round(9.9 + item, 1)])
    return _write(folder / "taobao_train.csv", rows, header="clk,buy,pid,adgroup_id,cate_id,campaign_id,customer,brand,user_id,"
                  "cms_segid,cms_group_id,final_gender_code,age_level,tag_category_list,tag_brand_list,price")


def kuairand(folder: Path) -> Path:
    rng, rows = np.random.default_rng(4), []
    for one in events(by_user=True):
        clicked = int(rng.random() < 0.4)
        played = int(rng.exponential(9_000)) if clicked else int(rng.exponential(900))
        rows.append([one.user, 5_000 + one.item, one.moment.strftime("%Y%m%d"), one.moment.strftime("%H%M"),
                     one.time * 1_000 + 7, clicked, int(clicked and rng.random() < 0.2), 0, int(clicked and played > 9_000),
                     played, 15_000 + 100 * one.item, 0, int(rng.integers(5))])
    return _write(folder / "log_standard_4_08_to_4_21_pure.csv", rows, header="user_id,video_id,date,hourmin,time_ms,is_click,"
                  "is_like,is_hate,long_view,play_time_ms,duration_ms,is_rand,tab")


def mind(folder: Path) -> Path:
    rng, rows, past = np.random.default_rng(5), [], {}
    for number, one in enumerate(events(700)):
        shown = [f"N{10_000 + item}" for item in rng.choice(ITEMS, 5, replace=False)]
        hit = int(rng.integers(5))
        rows.append([number + 1, f"U{one.user}", one.moment.strftime("%m/%d/%Y %I:%M:%S %p"), " ".join(past.get(one.user, [])),
                     " ".join(f"{item}-{int(place == hit)}" for place, item in enumerate(shown))])
        past.setdefault(one.user, []).append(shown[hit])
    return _write(folder / "behaviors.tsv", rows, "\t")


def amazon(folder: Path) -> Path:
    rng = np.random.default_rng(6)
    lines = [json.dumps({"reviewerID": f"A{one.user:05d}", "asin": f"B{one.item:09d}", "overall": float(rng.integers(1, 6)),
                         "reviewText": "fine", "unixReviewTime": one.time - one.time % DAY}) for one in events()]
    path = folder / "reviews.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


ALL = [rees46, retailrocket, taobao, movielens, hm, tianchi, din, easyrec, kuairand, mind, amazon]
