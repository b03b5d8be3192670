"""Which column means what: what its values look like decides, its name where several fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zoo.data.guess.cells import Cells
from zoo.data.guess.look import Column, determines
from zoo.data.guess.names import POSITIVE, SHOWN, likeness, worded

# An event type has few values, a rating even fewer.
_TYPES, _RATINGS = 30, 12


@dataclass
class Roles:
    """The columns by what they mean.

    Args:
        columns: of the file.
        why: by column, what it was taken for and why.
        labels: binary columns that say what came of an impression.
        stays: numbers that say how much came of it (play time).
        complements: by column, the label that it is the opposite of.
        sequences: columns with a list or a text of several values.
        page: the column with all candidates of a request.
        others: what no meaning was found for.
    """

    columns: Sequence[Column]
    why: dict[str, str] = field(default_factory=dict)
    time: Column | None = None
    time_of_day: Column | None = None
    event: Column | None = None
    rating: Column | None = None
    session: Column | None = None
    request: Column | None = None
    user: Column | None = None
    item: Column | None = None
    category: Column | None = None
    brand: Column | None = None
    shop: Column | None = None
    price: Column | None = None
    position: Column | None = None
    weight: Column | None = None
    split: Column | None = None
    page: Column | None = None
    labels: list[Column] = field(default_factory=list)
    stays: list[Column] = field(default_factory=list)
    sequences: list[Column] = field(default_factory=list)
    others: list[Column] = field(default_factory=list)

    def free(self) -> list[Column]:
        """Columns that nothing was said of yet."""
        return [column for column in self.columns if column.name not in self.why]

    def take(self, column: Column, why: str) -> Column:
        """Says what a column is."""
        self.why[column.name] = why
        return column

    def named(self, meaning: str, fits: Callable[[Column], bool] = lambda column: True) -> Column | None:
        """The free column whose name says a meaning best, of those that fit."""
        found = [column for column in self.free() if column.named and likeness(column.name, meaning) and fits(column)]
        return max(found, key=lambda column: likeness(column.name, meaning), default=None)


def roles_of(columns: Sequence[Column]) -> Roles:
    """What the columns of a file mean."""
    roles = Roles(columns)
    for step in (_unusable, _lists, _times, _outcomes, _events, _who_and_what, _items, _rest):
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


def _outcomes(roles: Roles) -> None:
    """Labels, and what is known only after them."""
    truths = [column for column in roles.free() if column.truth and column.named]
    clicks = sorted((column for column in truths if likeness(column.name, "click")),
                    key=lambda column: -likeness(column.name, "click"))
    outcomes = [column for column in truths if column not in clicks and likeness(column.name, "outcome")]
    lists = [column for column in roles.sequences if column.named and likeness(column.name, "click")
             and set(column.counts) <= {"0", "1"}]
    for column in lists[:1]:
        roles.labels.append(roles.take(column, "a label for each candidate of the list: its values are 0 and 1"))
        roles.sequences.remove(column)
    for column in [*clicks, *outcomes]:
        twin = next((one for one in roles.labels if not one.is_list and not column.is_list and _opposite(one, column)), None)
        if twin:
            roles.take(column, f"left out: it is 1 where {twin.name} is 0")
        elif column.distinct == 1:
            roles.take(column, "left out: as a label it never happens")
        else:
            roles.labels.append(roles.take(column, "a label: its values are 0 and 1"))
    for column in list(roles.free()):
        if column.truth and roles.labels and any(_opposite(one, column) for one in roles.labels if not one.is_list):
            roles.take(column, "left out: it is the opposite of a label")
        elif column.named and column.numeric and likeness(column.name, "stay") and (roles.labels or roles.page):
            roles.stays.append(roles.take(column, "a label that is a number: how long it was looked at"))


def _opposite(one: Column, other: Column) -> bool:
    pairs = {(a, b) for a, b in zip(one.values, other.values, strict=True)}
    return pairs == {("0", "1"), ("1", "0")}


def _events(roles: Roles) -> None:
    """Event types, or ratings, where the rows are no impressions with labels."""
    words = {column.name: sum(worded(value) in POSITIVE or worded(value) in SHOWN for value in column.counts)
             for column in roles.free() if 1 < column.distinct <= _TYPES or (column.distinct == 1 and not column.numeric)}
    spoken = max(words, key=lambda name: words[name], default=None)
    if spoken is not None and words[spoken]:
        column = next(one for one in roles.columns if one.name == spoken)
        known = [value for value in column.counts if worded(value) in POSITIVE or worded(value) in SHOWN]
        roles.event = roles.take(column, f"the event's type: its {column.distinct} values are words such as {known[0]}")
        return
    if roles.labels or roles.page:
        return
    named = roles.named("event", lambda column: 1 < column.distinct <= _TYPES)
    if named:
        roles.event = roles.take(named, f"the event's type by its name; its {named.distinct} values are no known words")
        return
    unnamed = (one for one in roles.free() if not one.named and _is_rating(one))
    rating = roles.named("rating", _is_rating) or next(unnamed, None)
    if rating:
        roles.rating = roles.take(rating, "a rating: few numbers, evenly apart")
        return
    # What always goes with another column's value describes an item, and is nothing that is done with it.
    nameless = [one for one in roles.free() if not one.named]
    codes = [one for one in nameless if 1 < one.distinct <= 8
             and not any(other is not one and determines(other, one) for other in nameless)]
    if codes:
        roles.event = roles.take(codes[0], f"the event's type: a column of {codes[0].distinct} values alone")


def _is_rating(column: Column) -> bool:
    numbers = column.numbers()
    if not 3 <= len(numbers) <= _RATINGS or numbers[0] < 0 or numbers[-1] not in (5.0, 10.0):
        return False
    return all((2 * number).is_integer() for number in numbers)


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
