"""Last.FM in the files of KGCN: which artists a user listened to, and a graph of what is known of them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.interactions.dataset import Interaction, Interactions, ItemAttribute
from benchmarks.interactions.files import InteractionsError, read_rows

ORIGIN = "music.artist.origin"


def read_lastfm(folder: str | Path) -> Interactions:
    """Reads the artists of each user that the graph knows; how often they were played does not count.

    The relation of the graph that most artists have, where they come from, is their category; the others are left out.

    Args:
        folder: with user_artists.dat, item_index2entity_id.txt and kg.txt, plain or .gz.

    Returns:
        The interactions of each user, in no order (the log has no times), and the artists' origins.

    Raises:
        InteractionsError: a file is absent or a row is wrong.
    """
    entities = {item: entity for _, (item, entity) in read_rows(
        folder, "item_index2entity_id.txt", "item entity", "\t", header=False)}
    users: dict[str, list[Interaction]] = {}
    for _, (user, artist, _) in read_rows(folder, "user_artists.dat", "userID artistID weight", "\t", header=True):
        if artist in entities:
            users.setdefault(user, []).append(Interaction(artist, 0))
    if not users:
        raise InteractionsError(f"{folder}: no artist of user_artists.dat stands in item_index2entity_id.txt; the files must "
                                "be of one log")
    origins: dict[str, str] = {}
    for _, (head, relation, tail) in read_rows(folder, "kg.txt", "head relation tail", "\t", header=False):
        if relation == ORIGIN:
            origins.setdefault(head, tail)
    known = {item: origins[entity] for item, entity in entities.items() if entity in origins}
    return Interactions(users, list(entities), (ItemAttribute("origin", "category", known),))
