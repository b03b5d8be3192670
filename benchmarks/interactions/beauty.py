"""Amazon Beauty in the files of S3-Rec: each user's items in order, and each item's brand and categories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.interactions.dataset import Interaction, Interactions, ItemAttribute
from benchmarks.interactions.files import InteractionsError, find, read_lines

SEQUENCES, ATTRIBUTES = "Beauty.txt", "Beauty_item2attributes.json"


def read_beauty(folder: str | Path) -> Interactions:
    """Reads the sequences and the attributes.

    The log has no times: an interaction's time is its position, 1 for a user's first, so a gap counts positions.

    Args:
        folder: with Beauty.txt and Beauty_item2attributes.json, plain or .gz.

    Returns:
        The interactions of each user, oldest first, and the items' categories and brands.

    Raises:
        InteractionsError: a file is absent or can't be read, or a user stands in two lines.
    """
    users: dict[str, list[Interaction]] = {}
    for place, line in read_lines(folder, SEQUENCES):
        user, *items = line.split()
        if user in users:
            raise InteractionsError(f"{place}: user {user!r} has a line before this one; keep one line a user")
        if not items:
            raise InteractionsError(f"{place}: user {user!r} has no items; expected a user and then items, oldest first")
        users[user] = [Interaction(item, number) for number, item in enumerate(items, 1)]
    items = list(dict.fromkeys(event.item for events in users.values() for event in events))
    return Interactions(users, items, categories_and_brands(_attributes(folder)))


def categories_and_brands(attributes: Mapping[str, Sequence[str]]) -> tuple[ItemAttribute, ItemAttribute]:
    """Tells brands from categories, which the published lists do not.

    A list is the brand, where one is known, and then the categories from the broadest to the narrowest. An attribute that is
    first in some list and never stands further down is taken for a brand; the others are categories, of which the last one,
    the narrowest, is kept.

    Args:
        attributes: of each item, as published.

    Returns:
        The attributes `category` and `brand`.

    Example:
        >>> category, brand = categories_and_brands({"1": ["acme", "makeup", "lips"], "2": ["makeup", "eyes"]})
        >>> category.values, brand.values
        ({'1': 'lips', '2': 'eyes'}, {'1': 'acme'})
    """
    further_down = {name for names in attributes.values() for name in names[1:]}
    brand = {item: names[0] for item, names in attributes.items() if names and names[0] not in further_down}
    category = {item: names[-1] for item, names in attributes.items() if names[1 if item in brand else 0:]}
    return ItemAttribute("category", "category", category), ItemAttribute("brand", "brand", brand)


def _attributes(folder: str | Path) -> dict[str, list[str]]:
    path, text = find(folder, ATTRIBUTES), "\n".join(line for _, line in read_lines(folder, ATTRIBUTES))
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InteractionsError(f"{path}: not JSON ({error}); fetch it anew") from None
    if not isinstance(values, dict) or not all(isinstance(names, list) for names in values.values()):
        raise InteractionsError(f"{path}: expected an object that gives each item a list of attributes; fetch it anew")
    return {item: [str(name) for name in names] for item, names in values.items()}
