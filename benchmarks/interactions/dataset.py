"""A log of interactions, read: what each user took in which order, and what is known of the items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.interactions.files import InteractionsError
from zoo.schema import Role


class Interaction(NamedTuple):
    """One item that a user took, and when: seconds, or the position where a log has no times."""

    item: str
    time: int


class ItemAttribute(NamedTuple):
    """An attribute with its role and its value by item; an item without one has none."""

    name: str
    role: Role
    values: Mapping[str, str]


@dataclass(frozen=True)
class Interactions:
    """The interactions of each user, oldest first.

    Args:
        users: by user, in the order of the file.
        items: all items that may be drawn.
        attributes: of the items.
        timed: whether times are seconds; an order alone is no time.

    Raises:
        InteractionsError: a user has an item twice, which the protocols do not know.
    """

    users: Mapping[str, Sequence[Interaction]]
    items: Sequence[str]
    attributes: tuple[ItemAttribute, ...] = ()
    timed: bool = False

    def __post_init__(self) -> None:
        for user, events in self.users.items():
            seen: set[str] = set()
            for event in events:
                if event.item in seen:
                    raise InteractionsError(f"user {user!r} has the item {event.item!r} more than once, and a held-out item "
                                            "must not stand in the history; keep one of the rows")
                seen.add(event.item)
