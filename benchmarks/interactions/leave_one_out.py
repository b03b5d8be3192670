"""Leave-one-out: a user's last interaction tests, the one before validates, and those between the first and them train."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.interactions.config import LeaveOneOutConfig
from benchmarks.interactions.dataset import Interactions
from benchmarks.interactions.files import InteractionsError
from benchmarks.interactions.items import KnownItems, draw
from zoo.data.request import Request


def leave_one_out(data: Interactions, config: LeaveOneOutConfig) -> Iterator[tuple[str, Request]]:
    """Makes a request of each interaction but a user's first, user by user.

    The candidates are the item and drawn ones, in a random order. A held-out request draws among the items that the user
    never took, in any split. A training request knows nothing of what is held out: it draws among the items that do not
    stand in the user's training interactions. The history is all that the user took before.

    Args:
        data: the log.
        config: how many negatives are drawn, and the seed.

    Yields:
        `(split, request)`.

    Raises:
        InteractionsError: a user has fewer than three interactions, or too few items are left to draw from.
    """
    for user, events in data.users.items():
        if len(events) < 3:
            raise InteractionsError(f"user {user!r} has {len(events)} interactions, and leave-one-out needs 3 (one to begin "
                                    "with, one to validate, one to test); remove the user")
    rng = np.random.default_rng(config.seed)
    known = KnownItems(data, ((user, event) for user, events in data.users.items() for event in events[:-2]), config.seed)
    for user, events in data.users.items():
        trained, taken = {event.item for event in events[:-2]}, {event.item for event in events}
        for place, event in enumerate(events[1:], 1):
            split = {1: "test", 2: "validation"}.get(len(events) - place, "train")
            count, excluded = ((config.negatives, trained) if split == "train" else (config.held_out_negatives, taken))
            shown = [event.item, *draw(data.items, count, excluded, rng, user)]
            order, past = rng.permutation(len(shown)), events[:place]
            history = known.describe([e.item for e in past]) | {"gap": [float(event.time - e.time) for e in past]}
            yield split, Request(
                request_id=f"{user}-{place}", time=event.time, features={"user_id": user}, sequences={"history": history},
                candidates=known.candidates(user, event.time, [shown[i] for i in order]),
                labels={"click": [float(i == 0) for i in order]},
            )
