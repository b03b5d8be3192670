"""A vocabulary that lives for many days: what is known stays, what comes often enough is admitted, what is dead goes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from zoo import files
from zoo.config import ConfigError
from zoo.schema import FIRST_ID

NO_ROW = -1


@dataclass(frozen=True)
class GrownVocabulary:
    """The ids of a space, as they stand after a day.

    Args:
        ids: raw ids with a row, in the order of the rows from `FIRST_ID` on.
        last_seen: day on which each of them was seen last.
        waiting: raw ids without a row, seen too seldom yet: how often, and on which day last.
    """

    ids: tuple[str, ...] = ()
    last_seen: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def save(self, path: files.PathLike) -> None:
        """Writes it as JSON."""
        files.write_text(path, json.dumps(dataclasses.asdict(self), ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: files.PathLike) -> GrownVocabulary:
        """The inverse of `save`.

        Raises:
            ConfigError: the file is no such vocabulary.
        """
        try:
            said = json.loads(files.read_text(path))
            result = cls(tuple(said["ids"]), dict(said["last_seen"]),
                         {name: (int(count), int(day)) for name, (count, day) in said["waiting"].items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}: no vocabulary of days ({type(error).__name__}: {error}); begin anew") from None
        if set(result.ids) != set(result.last_seen) or len(set(result.ids)) < len(result.ids):
            raise ConfigError(f"{path}: its ids are not those whose days it knows; begin anew")
        return result


@dataclass(frozen=True)
class Growth:
    """What a day made of a vocabulary.

    Args:
        vocabulary: after the day.
        rows: `[FIRST_ID + ids]` for each row of a table over it, the row of the same id in a table over the vocabulary before;
            `NO_ROW` for a new id. Padding and unknown stay where they are.
        kept: how many ids had a row before and have one now.
        admitted: how many got one.
        evicted: how many lost theirs.
        waiting: how many were seen, but too seldom.
        forgotten: how many of those that waited were not seen for too long.
    """

    vocabulary: GrownVocabulary
    rows: np.ndarray
    kept: int
    admitted: int
    evicted: int
    waiting: int
    forgotten: int

    def counts(self) -> dict[str, int]:
        """The five counts by name, for a report."""
        return {name: getattr(self, name) for name in ("kept", "admitted", "evicted", "waiting", "forgotten")}


def grow(before: GrownVocabulary, counts: Mapping[str, int], day: int, *, admit_at: int = 1,
         evict_after: int | None = None) -> Growth:
    """Brings a vocabulary from one day to the next.

    Occurrences of an id without a row are summed up over days until they reach `admit_at`. An id, with a row or waiting, that
    was not seen for more than `evict_after` days is gone; should it come back, it begins anew.

    Args:
        before: the vocabulary; an empty one on the first day.
        counts: how often each raw id occurs on this day.
        day: its number; days may be left out, and one may not come twice.
        admit_at: occurrences that an id needs for a row.
        evict_after: days; None evicts nothing.

    Returns:
        The vocabulary after the day. Kept ids stay in their order; admitted ones follow, the most frequent first, those of the
        same count by name.

    Raises:
        ValueError: the day is not after all days that the vocabulary has seen.

    Example:
        >>> first = grow(GrownVocabulary(), {"a": 5, "b": 1}, day=1, admit_at=2)
        >>> first.vocabulary.ids, first.vocabulary.waiting
        (('a',), {'b': (1, 1)})
        >>> second = grow(first.vocabulary, {"b": 1, "c": 9}, day=2, admit_at=2)
        >>> second.vocabulary.ids, second.rows.tolist()
        (('a', 'c', 'b'), [0, 1, 2, -1, -1])
    """
    latest = max([*before.last_seen.values(), *(seen for _, seen in before.waiting.values())], default=None)
    if latest is not None and day <= latest:
        raise ValueError(f"day {day} does not come after day {latest}, which this vocabulary has seen; take an earlier one")
    known = set(before.ids)
    last_seen = {name: day if counts.get(name) else seen for name, seen in before.last_seen.items()}
    sums = {name: (count, seen) for name, (count, seen) in before.waiting.items()}
    for name, count in counts.items():
        if count > 0 and name not in known:
            sums[name] = (sums.get(name, (0, day))[0] + count, day)

    def alive(seen: int) -> bool:
        return evict_after is None or day - seen <= evict_after

    kept = tuple(name for name in before.ids if alive(last_seen[name]))
    admitted = sorted((name for name, (count, seen) in sums.items() if count >= admit_at and alive(seen)),
                      key=lambda name: (-sums[name][0], name))
    waiting = {name: (count, seen) for name, (count, seen) in sums.items() if count < admit_at and alive(seen)}
    place = {name: row for row, name in enumerate(before.ids, start=FIRST_ID)}
    rows = [*range(FIRST_ID), *(place[name] for name in kept), *[NO_ROW] * len(admitted)]
    after = GrownVocabulary((*kept, *admitted), {name: last_seen.get(name, day) for name in (*kept, *admitted)}, waiting)
    return Growth(after, np.array(rows, np.int64), len(kept), len(admitted), len(before.ids) - len(kept), len(waiting),
                  len(sums) - len(admitted) - len(waiting))


def carried(before: np.ndarray, fresh: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A table over the vocabulary after a day: rows of kept ids as they were, those of new ones as a new table begins.

    Args:
        before: `[old rows, ...]` over the vocabulary before; weights, or what an optimizer keeps of them.
        fresh: `[new rows, ...]` as a new table begins.
        rows: of `Growth`.

    Raises:
        ValueError: the tables are not of these vocabularies.
    """
    if len(fresh) != len(rows) or before.shape[1:] != fresh.shape[1:] or rows.max(initial=NO_ROW) >= len(before):
        raise ValueError(f"a table {list(before.shape)} can't become one {list(fresh.shape)} by {len(rows)} rows, of which the "
                         f"last was row {rows.max(initial=NO_ROW)}")
    result = fresh.copy()
    there = rows != NO_ROW
    result[there] = before[rows[there]]
    return result
