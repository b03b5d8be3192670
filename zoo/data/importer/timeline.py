"""When things happened, by key, for questions about many keys and times at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow.parquet as pq

# A key's place and a time in one number, sorted by key: seconds since 1970 have fewer bits than this.
TIME_BITS = 34
_BATCH = 1 << 18
# Moments of a file that are read at a time; a file of no more is read whole.
_BLOCK = 1 << 16


class Stored:
    """Rising whole numbers in a file, of which memory holds one block at a time.

    Mapped into memory, all pages that were ever looked at would count as this process's: 8 bytes an event in every worker.

    Args:
        path: of the file, int64.
    """

    def __init__(self, path: str):
        self.path, self.size = path, os.path.getsize(path) // 8
        self._firsts = np.array([self._read(start, 1)[0] for start in range(0, self.size, _BLOCK)], np.int64)
        self._only = self.all() if len(self._firsts) < 2 else None

    def all(self) -> np.ndarray:
        """All of them."""
        return self._read(0, -1)

    def search(self, wanted: np.ndarray, side: Literal["left", "right"] = "left") -> np.ndarray:
        """As `np.searchsorted`."""
        if self._only is not None:
            return np.searchsorted(self._only, wanted, side=side)
        if not len(wanted):
            return np.zeros(0, np.int64)
        # Blocks before the last one that begins with less hold less, those after it more.
        of = np.maximum(np.searchsorted(self._firsts, wanted, side=side) - 1, 0)
        order, found = np.argsort(of, kind="stable"), np.empty(len(wanted), np.int64)
        blocks, begins = np.unique(of[order], return_index=True)
        for block, places in zip(blocks.tolist(), np.split(order, begins[1:]), strict=True):
            values = self._read(block * _BLOCK, _BLOCK)
            found[places] = block * _BLOCK + np.searchsorted(values, wanted[places], side=side)
        return found

    def _read(self, start: int, count: int) -> np.ndarray:
        return np.fromfile(self.path, np.int64, count, offset=8 * start)


class Timeline:
    """Times of events, sorted by key and then by time.

    What is asked of it for a time sees nothing that is not before (`counts`), or not after (`last`), that time.

    Args:
        keys: `[K]` the keys that have events, rising.
        moments: `[E]` of each event `place of its key << 34 | time`, rising; in memory or in a file.

    Example:
        >>> clicks = Timeline.of(np.array([7, 7, 9]), np.array([100, 160, 130]))
        >>> clicks.counts(np.array([7, 7, 8]), [np.array([0, 100, 0])], np.array([160, 161, 200]))
        [array([1, 2, 0])]
    """

    def __init__(self, keys: np.ndarray, moments: np.ndarray | Stored):
        self.keys, self.moments = keys, moments

    @classmethod
    def of(cls, keys: np.ndarray, times: np.ndarray) -> Timeline:
        """From events that are sorted by key and time."""
        first = np.append(True, keys[1:] != keys[:-1])[:len(keys)]
        return cls(keys[first], (np.cumsum(first) - 1) << TIME_BITS | times)

    @classmethod
    def load(cls, path: str) -> Timeline:
        """Opens what `write_timeline` wrote; the moments stay on disk."""
        return cls(np.load(_keys_file(path)), Stored(_moments_file(path)))

    def counts(self, keys: np.ndarray, begins: Sequence[np.ndarray], end: np.ndarray) -> list[np.ndarray]:
        """`[n]` events of each key `[n]` at or after each of `begins` and strictly before `end`, in seconds since 1970."""
        place, known = self._places(keys)
        first, last = ([self._search(place | np.maximum(at, 0)) for at in times] for times in (begins, [end]))
        return [np.where(known, np.maximum(last[0] - one, 0), 0) for one in first]

    def last(self, keys: np.ndarray, at: np.ndarray) -> np.ndarray:
        """`[n]` the number of the latest event of each key `[n]` at or before a time; -1 where there is none."""
        place, known = self._places(keys)
        found = self._search(place | np.maximum(at, 0), "right") - 1
        return np.where(known & (at >= 0) & (found >= self._search(place)), found, -1)

    def first(self, keys: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """`[n]` the number of the first event of each key at or after `begin` and strictly before `end`; -1 where none."""
        place, known = self._places(keys)
        first, last = (self._search(place | np.maximum(at, 0)) for at in (begin, end))
        return np.where(known & (first < last), first, -1)

    def events(self) -> tuple[np.ndarray, np.ndarray]:
        """Key and time of every event, sorted."""
        moments = self.moments.all() if isinstance(self.moments, Stored) else self.moments
        return self.keys[moments >> TIME_BITS], moments & ((1 << TIME_BITS) - 1)

    def _search(self, wanted: np.ndarray, side: Literal["left", "right"] = "left") -> np.ndarray:
        if isinstance(self.moments, Stored):
            return self.moments.search(wanted, side)
        return np.searchsorted(self.moments, wanted, side=side)

    def _places(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The upper bits of each key's moments, and whether it has any."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place.astype(np.int64) << TIME_BITS, self.keys[place] == keys


def write_timeline(path: str, events: str) -> None:
    """Writes a timeline that `Timeline.load` opens, in memory that grows with the number of keys alone.

    Args:
        path: to write to, without an ending.
        events: Parquet file with whole numbers `key` and `time`, sorted by them.
    """
    keys: list[np.ndarray] = []
    last, count = None, 0
    with open(_moments_file(path), "wb") as file:
        for batch in pq.ParquetFile(events).iter_batches(_BATCH, columns=["key", "time"]):
            key, time = (batch.column(name).to_numpy().astype(np.int64) for name in ("key", "time"))
            new = np.append(last is None or key[0] != last, key[1:] != key[:-1])
            place = count - 1 + np.cumsum(new)
            (place << TIME_BITS | time).tofile(file)
            keys.append(key[new])
            last, count = key[-1], int(place[-1]) + 1
    np.save(_keys_file(path), np.concatenate(keys) if keys else np.zeros(0, np.int64))


def _keys_file(path: str) -> str:
    return f"{path}.keys.npy"


def _moments_file(path: str) -> str:
    return f"{path}.moments"
