"""Ids as numbers, and how often a split has each."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa


def id_codes(values: pa.Array) -> np.ndarray:
    """`[n]` 64 bits of a digest for each id `[n]`: the same id has the same number in every batch; `MISSING` for "".

    Of a million ids two share a number in one log of some 40 million.
    """
    encoded = values.dictionary_encode()
    ids = encoded.dictionary.to_pylist()
    digests = np.fromiter(map(_digest, ids), np.uint64, len(ids))
    return digests[encoded.indices.to_numpy(zero_copy_only=False)] if len(ids) else np.zeros(0, np.uint64)


def _digest(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


MISSING = np.uint64(_digest(b""))


class IdCounts:
    """How often each id occurs.

    Example:
        >>> counts = IdCounts()
        >>> counts.add(np.array([7, 7, 9], np.uint64))
        >>> counts.of(np.array([7, 8], np.uint64))
        array([2, 0])
    """

    def __init__(self) -> None:
        self._ids, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._new: list[np.ndarray] = []

    def add(self, codes: np.ndarray) -> None:
        """Counts further ids; the missing one is none."""
        self._new.append(codes[codes != MISSING])
        # Merged when the new ones are as many as the known: each id is sorted a few times in all.
        if sum(map(len, self._new)) > max(1 << 18, len(self._ids)):
            self._merge()

    def of(self, codes: np.ndarray) -> np.ndarray:
        """`[n]` how often each of `codes` `[n]` was counted."""
        self._merge()
        if not len(self._ids):
            return np.zeros(len(codes), np.int64)
        places = np.minimum(np.searchsorted(self._ids, codes), len(self._ids) - 1)
        return np.where(self._ids[places] == codes, self._counts[places], 0)

    def __len__(self) -> int:
        """Number of different ids."""
        self._merge()
        return len(self._ids)

    def _merge(self) -> None:
        if self._new:
            ids, counts = np.unique(np.concatenate(self._new), return_counts=True)
            self._new = []
            both, places = np.unique(np.concatenate([self._ids, ids]), return_inverse=True)
            self._counts = np.bincount(places, np.concatenate([self._counts, counts]), len(both)).astype(np.int64)
            self._ids = both
