"""Which column means what: what its values look like decides, its name where several fit."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.data.guess.cells import Cells
from zoo.data.guess.look import Column, determines
from zoo.data.guess.names import likeness
from zoo.data.guess.outcomes import find_events, find_outcomes
from zoo.data.guess.roles import Roles


def roles_of(columns: Sequence[Column]) -> Roles:
    """What the columns of a file mean."""
    roles = Roles(columns)
    for step in (_unusable, _lists, _times, find_outcomes, find_events, _who_and_what, _items, _rest):
        step(roles)
    return roles


def _unusable(roles: Roles) -> None:
    for column in roles.columns:
        if column.nested:
            roles.take(column, "not understood: it is nested; the import reads texts, numbers and lists of them")
        elif not column.known:
            roles.take(column, "left out: it is always missing")


def _lists(roles: Roles) -> None:
    for column in roles.free():
        cells: Cells | None = column.cells
        if cells and cells.labelled:
            roles.page = roles.take(column, f"candidates with their label, such as {_short(column)}, with {cells.separator!r} "
                                    f"between them and {cells.within!r} before the label")
        elif column.is_list:
            roles.sequences.append(roles.take(column, "a list"))
        elif cells and (not column.time) and not likeness(column.name, "category_code"):
            within = f" and {cells.parts} parts each, with {cells.within!r} between them" if cells.within else ""
            roles.sequences.append(roles.take(column, f"several values, with {cells.separator!r} between them{within}"))


def _times(roles: Roles) -> None:
    found = [column for column in roles.free() if column.time and (column.distinct > 1 or column.named)]
    if not found:
        return

    def telling(column: Column) -> tuple[int, int, int]:
        assert column.time is not None
        return column.time.fineness, bool(column.named and likeness(column.name, "time")), column.distinct

    best = max(found, key=telling)
    assert best.time is not None
    roles.time = roles.take(best, f"the time: {best.time.words}")
    for column in found:
        if column is not best and column.time:
            roles.take(column, f"left out: a time, too ({column.time.words}), less exact than {best.name}")
    of_day = roles.named("time_of_day", lambda column: column.whole and max(column.numbers()) < 86_400_000)
    if best.time.fineness == 1 and of_day:
        roles.time_of_day = roles.take(of_day, "milliseconds since midnight of that date")


def _who_and_what(roles: Roles) -> None:
    rows = len(roles.columns[0].values)

    def is_id(column: Column) -> bool:
        return column.distinct > 1 and not (column.numeric and not column.whole)

    for meaning in ("session", "request"):
        column = roles.named(meaning, is_id)
        if column:
            many = f"{rows / column.distinct:.1f} rows each"
            setattr(roles, meaning, roles.take(column, f"the {meaning}, by its name; {many}"))
    item = roles.named("item", is_id)
    user = roles.named("user", lambda column: is_id(column) and column is not item)
    if item:
        roles.item = roles.take(item, "the item, by its name")
    if user:
        roles.user = roles.take(user, "the user, by its name")
    ids = [column for column in roles.free() if not column.named and is_id(column) and 8 < column.distinct]
    unique = [column for column in ids if column.distinct == rows and column.whole]
    if unique and roles.page is not None and roles.request is None:
        roles.request = roles.take(unique[0], "the request: a number of its own in every row")
        ids.remove(unique[0])
    if roles.item is None and roles.page is None:
        nameless = [column for column in roles.free() if not column.named]
        described = next((one for one in ids for other in nameless if other.distinct < one.distinct and determines(one, other)),
                         None)
        if described:
            roles.item = roles.take(described, "the item: each of its values stands with one value of another column alone")
            ids.remove(described)
    if roles.user is None and roles.session is None and ids:
        whose = next((one for one in ids if roles.item is None or not determines(roles.item, one)), ids[0])
        roles.user = roles.take(whose, "the user: the first column of ids; logs name who before what")
        ids.remove(whose)
    if roles.item is None and roles.page is None and ids:
        roles.item = roles.take(ids[0], "the item: the column of ids after the user's")


def _items(roles: Roles) -> None:
    """What describes the item."""
    item = roles.item

    def of_item(column: Column) -> str:
        return "; each item has one" if item and determines(item, column) else ""

    for meaning in ("category", "brand", "shop"):
        column = roles.named(meaning, lambda one: one.distinct > 1 and one.time is None)
        if column:
            setattr(roles, meaning, roles.take(column, f"the item's {meaning}, by its name{of_item(column)}"))
    price = roles.named("price", lambda column: column.numeric and column.distinct > 2)
    if price:
        roles.price = roles.take(price, "the price, by its name: numbers")
    if roles.category is None and item:
        unnamed = [one for one in roles.free() if not one.named and determines(item, one) and one.distinct > 1]
        if unnamed:
            roles.category = roles.take(unnamed[0], "the item's category: each item has one, and many items share it")
    position = roles.named("position", lambda column: column.whole and max(column.numbers()) < 1_000)
    if position:
        roles.position = roles.take(position, "left out: the place on the page is not known before the page is ranked")
    weight = roles.named("weight", lambda column: column.numeric and min(column.numbers()) >= 0)
    if weight and (roles.labels or roles.page):
        roles.weight = roles.take(weight, "the weight of the sample, by its name")
    split = roles.named("split", lambda column: {value.lower() for value in column.counts} >= {"train", "test"})
    if split:
        roles.split = roles.take(split, f"the split: its values are {', '.join(sorted(split.counts))}")


def _rest(roles: Roles) -> None:
    roles.others = roles.free()


def _short(column: Column, most: int = 24) -> str:
    text = str(column.known[0])
    return repr(text if len(text) <= most else text[:most] + "…")
