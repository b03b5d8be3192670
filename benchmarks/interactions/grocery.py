"""Amazon Grocery and Gourmet Food in the split of ReChorus: train.csv, dev.csv and test.csv of user, item and day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.interactions.dataset import Interaction, Interactions
from benchmarks.interactions.files import InteractionsError, read_rows, whole_number


def read_grocery(folder: str | Path) -> Interactions:
    """Reads the three files; dev and test hold one interaction of each user, the last but one and the last.

    Times are whole days, so rows of a day stay in the order of the file. The categories of item_meta.csv are left out: 96 %
    of the items share one.

    Args:
        folder: with train.csv, dev.csv and test.csv, plain or .gz.

    Returns:
        The interactions of each user, oldest first, the held-out ones last.

    Raises:
        InteractionsError: a file is absent, a row is wrong, or a user has not one row in dev and one in test.
    """
    users: dict[str, list[Interaction]] = {}
    for _, user, event in _rows(folder, "train.csv"):
        users.setdefault(user, []).append(event)
    for events in users.values():
        events.sort(key=lambda event: event.time)
    trained = {user: len(events) for user, events in users.items()}
    for number, name in enumerate(("dev.csv", "test.csv")):
        for place, user, event in _rows(folder, name):
            if user not in users:
                raise InteractionsError(f"{place}: user {user!r} has no row in train.csv; remove the user")
            if len(users[user]) != trained[user] + number:
                raise InteractionsError(f"{place}: user {user!r} must have one row in dev.csv and one in test.csv")
            if event.time < users[user][-1].time:
                raise InteractionsError(f"{place}: user {user!r} has a later row in the files before; held-out rows must be "
                                        "the last ones")
            users[user].append(event)
    for user, events in users.items():
        if len(events) != trained[user] + 2:
            raise InteractionsError(f"{folder}: user {user!r} of train.csv must have one row in dev.csv and one in test.csv")
    items = dict.fromkeys(event.item for events in users.values() for event in events)
    return Interactions(users, list(items), timed=True)


def _rows(folder: str | Path, name: str) -> Iterator[tuple[str, str, Interaction]]:
    for place, (user, item, time) in read_rows(folder, name, "user_id item_id time", ",", header=True):
        yield place, user, Interaction(item, whole_number(time, place, "time"))
