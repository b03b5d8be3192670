"""Which columns say what came of an impression, or what was done: labels, event types, ratings."""

from __future__ import annotations

from zoo.data.guess.look import Column, determines
from zoo.data.guess.names import POSITIVE, SHOWN, likeness, worded
from zoo.data.guess.roles import Roles

# An event type has few values, a rating even fewer.
_TYPES, _RATINGS = 30, 12


def find_outcomes(roles: Roles) -> None:
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


def find_events(roles: Roles) -> None:
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
