"""Requests of live rooms as columns of Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from zoo.data.columnar import lists
from zoo.data.simulator.live.rooms import Hosts
from zoo.data.simulator.live.viewers import LOOKED
from zoo.data.simulator.market import DAY, Assortment, Population
from zoo.data.simulator.named import floats, named

# Hours that are longer than any order takes: outcomes of validation and test are known to the end.
ENDLESS = 10_000.0
_ACTIONS = pa.array([b"look", b"order"])


def to_batch(shown: dict[str, Any], schema: pa.Schema, goods: Assortment, hosts: Hosts, users: Population,
             until: int | None) -> pa.RecordBatch:
    """The columns of some requests, in their order; request ids are still empty.

    Args:
        shown: of `Studio`.
        schema: of the log.
        goods, hosts, users: what the ids stand for.
        until: when what the log has seen of these requests ends: an order that comes later is none; None knows all.
    """
    who, at, count = shown["who"], shown["at"], len(shown["who"])
    rooms = np.full(count, shown["click"].shape[1])
    columns = {name: lists(values, np.ones(count, np.int64)) for name, values in {
        "request_id": named("", np.full(count, "")), "request_time": pa.array(at), "user_id": named("u", who),
        "gender": pa.array([b"f", b"m"]).take(pa.array(users.gender[who])), "age_group": named("a", users.age_group[who]),
        "city": named("c", users.city[who]), "hour": named("h", at % DAY // 3600),
        **{name: floats(shown[name]) for name in ("hours_away", "watched_week", "ordered_fortnight")}}.items()}
    columns |= _histories(shown, goods, hosts)
    columns |= {f"candidate_{name}": values for name, values in _candidates(shown, rooms, goods, hosts).items()}
    columns |= {name: lists(floats(values.ravel()), rooms) for name, values in _outcomes(shown, until).items()}
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _histories(shown: dict[str, Any], goods: Assortment, hosts: Hosts) -> dict[str, pa.Array]:
    rooms, products = shown["rooms"], shown["products"]
    known = goods.columns(products.what)
    of_products = {name: known[name] for name in ("item", "category", "brand")}
    of_products |= {"action": _ACTIONS.take(pa.array(np.where(products.beside == LOOKED, 0, 1))),
                    "gap": floats(shown["product_age"])}
    of_rooms = {"host": named("host", rooms.what), "category": named("c", hosts.leaf[rooms.what, 0]),
                "stay": floats(rooms.beside), "gap": floats(shown["room_age"])}
    return {f"{name}_{field}": lists(values, past.kept) for name, past, fields in
            (("rooms", rooms, of_rooms), ("products", products, of_products)) for field, values in fields.items()}


def _candidates(shown: dict[str, Any], rooms: np.ndarray, goods: Assortment, hosts: Hosts) -> dict[str, pa.Array]:
    host, shelf = shown["host"], shown["shelf"]
    sold = shown["sold"][np.arange(shown["sold"].shape[1]) < shown["sold_count"][:, None]]
    sold_of_request = np.add.reduceat(shown["sold_count"], np.r_[0, np.cumsum(rooms)[:-1]])
    found = {"host": lists(named("host", host), rooms), "category": lists(named("c", hosts.leaf[host, 0]), rooms),
             "level": lists(named("l", hosts.level[host]), rooms), "minutes_open": lists(floats(shown["minutes_open"]), rooms)}
    on_shelf = goods.columns(shelf.ravel())
    for name, values in (("shelf", on_shelf["item"]), ("shelf_category", on_shelf["category"])):
        found |= {name: lists(values, rooms * shelf.shape[1]),
                  f"{name}_count": lists(pa.array(np.full(len(shelf), shelf.shape[1])), rooms)}
    found |= {"sold": lists(goods.columns(sold)["item"], sold_of_request),
              "sold_count": lists(pa.array(shown["sold_count"]), rooms)}
    return found | {name: lists(floats(values.ravel()), rooms * (values.size // len(host)))
                    for name, values in shown["known"].items()}


def _outcomes(shown: dict[str, Any], until: int | None) -> dict[str, np.ndarray]:
    click, ordered, at = shown["click"], shown["ordered"], shown["at"][:, None]
    seen = ordered if until is None else ordered & (shown["ordered_at"] < until)
    after = (shown["ordered_at"] - at) / 3600
    waited = np.broadcast_to(ENDLESS if until is None else (until - at) / 3600, click.shape)
    return {"label_click": click, "truth_click": shown["truth_click"], "label_stay": shown["stay"],
            "label_order": np.where(click, seen, np.nan), "truth_order": shown["truth_order"],
            "mark_stay_truth": shown["truth_stay"], "mark_waited": waited, "mark_ordered_ever": ordered,
            "mark_order_after": np.where(seen, after, np.nan)}
