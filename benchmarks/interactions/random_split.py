"""Positives and as many drawn negatives, split at random: the protocol of KGCN, RippleNet and their kin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.interactions.config import RandomSplitConfig
from benchmarks.interactions.dataset import Interaction, Interactions
from benchmarks.interactions.items import KnownItems, draw
from zoo.data.request import Request
from zoo.data.request_log import SPLITS

Sample = tuple[str, float]


def random_split(data: Interactions, config: RandomSplitConfig) -> Iterator[tuple[str, Request]]:
    """Makes requests of a user's samples of one split, a page at a time.

    The history is the user's training positives in a random order, without those of the page itself: they are what is asked.

    Args:
        data: the log.
        config: shares of the splits, size of a page, and the seed.

    Yields:
        `(split, request)`, user by user.

    Raises:
        InteractionsError: a user took more than half of the items, so that too few negatives are left.
    """
    rng = np.random.default_rng(config.seed)
    samples: dict[str, list[Sample]] = {}
    for user, events in data.users.items():
        taken = [event.item for event in events]
        negatives = draw(data.items, len(taken), set(taken), rng, user)
        samples[user] = [(item, 1.0) for item in taken] + [(item, 0.0) for item in negatives]
    splits = iter(_splits(sum(map(len, samples.values())), config, rng))
    of_user: dict[str, dict[str, list[Sample]]] = {}
    for user, found in samples.items():
        of_user[user] = {split: [] for split in SPLITS}
        for sample in found:
            of_user[user][next(splits)].append(sample)
    known = KnownItems(data, ((user, Interaction(item, 0)) for user, parts in of_user.items() for item, label in parts["train"]
                              if label), config.seed)
    for user, parts in of_user.items():
        trained = [item for item, label in _shuffled(parts["train"], rng) if label]
        for split in SPLITS:
            for number, page in enumerate(_pages(parts[split], config.page, rng)):
                asked = {item for item, _ in page}
                yield split, Request(
                    request_id=f"{user}-{split}-{number}", time=0, features={"user_id": user},
                    sequences={"history": known.describe([item for item in trained if item not in asked])},
                    candidates=known.candidates(user, 0, [item for item, _ in page]),
                    labels={"click": [label for _, label in page]},
                )


def _splits(count: int, config: RandomSplitConfig, rng: np.random.Generator) -> list[str]:
    """The split of each sample, by exact shares."""
    test, validation = round(count * config.test), round(count * config.validation)
    names = ["test"] * test + ["validation"] * validation + ["train"] * (count - test - validation)
    return [names[place] for place in rng.permutation(count)]


def _pages(samples: Sequence[Sample], size: int, rng: np.random.Generator) -> Iterator[list[Sample]]:
    """Pages of at most `size` samples, in a random order, among which positives are dealt out evenly.

    A training page's positives are missing from its history. Dealt out by chance, the length of the history would tell how
    many of the page are positive.
    """
    pages = -(-len(samples) // size)
    dealt = sorted(_shuffled(samples, rng), key=lambda sample: sample[1])
    for number in range(pages):
        yield _shuffled(dealt[number::pages], rng)


def _shuffled(samples: Sequence[Sample], rng: np.random.Generator) -> list[Sample]:
    return [samples[place] for place in rng.permutation(len(samples))]
