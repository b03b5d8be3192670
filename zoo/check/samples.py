"""Candidates with their features and labels, some hundred thousand of a split: what single features are judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from zoo.check.ids import MISSING, IdCounts
from zoo.data.columnar import lengths_of, offsets
from zoo.schema import Column, Schema

CANDIDATES = 250_000
POSITION, NEVER_SEEN = "position on the page", " never seen in training"


class Values(NamedTuple):
    """A feature of sampled candidates.

    Args:
        level: `request` or `candidate`.
        kind: `number` or `id`.
        values: `[n]` floats or digests of ids.
        rows: `[n]` the candidate (or the request) that each belongs to.
    """

    level: str
    kind: str
    values: np.ndarray
    rows: np.ndarray


@dataclass
class Samples:
    """The sampled candidates of a split.

    Args:
        schema: of the log.
        every: take each so-manieth request.

    Attributes:
        count: requests looked at.
        sampled: requests taken.
        rows: candidates taken.
    """

    schema: Schema
    every: int = 1
    count: int = 0
    sampled: int = 0
    rows: int = 0
    _requests: list[np.ndarray] = field(default_factory=list)
    _positions: list[np.ndarray] = field(default_factory=list)
    _labels: dict[str, list[np.ndarray]] = field(default_factory=dict)
    _features: dict[str, tuple[str, str, list[np.ndarray], list[np.ndarray]]] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch, codes: dict[str, np.ndarray], count: np.ndarray,
            known: Mapping[str, IdCounts] | None) -> None:
        """Takes some requests of a batch.

        Args:
            batch: the requests.
            codes: digests of its ids by column.
            count: `[R]` candidates.
            known: ids of the training split by space; None where this is the training split.
        """
        chosen = np.zeros(len(batch), bool)
        chosen[-self.count % self.every::self.every] = True
        self.count += len(batch)
        taken = _Taken(self.schema, batch, codes, count, chosen, known)
        for name, (level, kind, values, rows) in taken.features().items():
            into = self._features.setdefault(name, (level, kind, [], []))
            into[2].append(values)
            into[3].append(rows + (self.rows if level == "candidate" else self.sampled))
        for label in self.schema.labels:
            labels = batch.column(label.column).flatten().to_numpy()
            self._labels.setdefault(label.name, []).append(labels[np.repeat(chosen, count)])
        self._requests.append(np.repeat(np.arange(chosen.sum()), count[chosen]) + self.sampled)
        self._positions.append(taken.positions())
        self.sampled, self.rows = self.sampled + int(chosen.sum()), self.rows + int(count[chosen].sum())

    def requests(self) -> np.ndarray:
        """`[n]` the request of each candidate."""
        return np.concatenate(self._requests) if self._requests else np.zeros(0, np.int64)

    def labels(self, name: str) -> np.ndarray:
        """`[n]` labels of the candidates, NaN where not observed."""
        return np.concatenate(self._labels[name]) if name in self._labels else np.zeros(0, np.float32)

    def features(self) -> dict[str, Values]:
        """Features by name, over the candidates; those of a request stand at each of its candidates."""
        requests, found = self.requests(), {}
        first = np.searchsorted(requests, np.arange(self.sampled + 1))
        for name, (level, kind, parts, places) in self._features.items():
            values, rows = np.concatenate(parts), np.concatenate(places)
            if level == "request":
                repeats = np.diff(first)[rows]
                starts = np.repeat(first[rows] - offsets(repeats)[:-1], repeats)
                values, rows = np.repeat(values, repeats), starts + np.arange(len(starts))
            found[name] = Values(level, kind, values, rows)
        if self._positions:
            found[POSITION] = Values("candidate", "number", np.concatenate(self._positions), np.arange(self.rows))
        return found


class _Taken:
    """Some requests of a batch."""

    def __init__(self, schema: Schema, batch: pa.RecordBatch, codes: dict[str, np.ndarray], count: np.ndarray,
                 chosen: np.ndarray, known: Mapping[str, IdCounts] | None):
        self.schema, self.batch, self.codes, self.count, self.chosen, self.known = schema, batch, codes, count, chosen, known
        self.number = np.cumsum(chosen) - 1

    def positions(self) -> np.ndarray:
        count = self.count[self.chosen]
        return (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)).astype(np.float32)

    def features(self) -> dict[str, tuple[str, str, np.ndarray, np.ndarray]]:
        """`(level, kind, values, rows)` by name."""
        found = {}
        for column in self.schema.columns():
            if column.level == "sequence" or column.feature.kind == "text":
                continue
            found |= self._of_column(column)
        for sequence in self.schema.sequences:
            head = self.schema.sequence_columns(sequence)[0]
            lengths = lengths_of(self.batch, head.count if head.feature.multiple else head.name)[self.chosen]
            found[sequence.length] = ("request", "number", lengths.astype(np.float32), np.arange(len(lengths)))
            for column in self.schema.sequence_columns(sequence):
                if column.feature.kind == "id" and not column.feature.multiple:
                    found |= self._in_history(column)
        return found

    def _of_column(self, column: Column) -> dict[str, tuple[str, str, np.ndarray, np.ndarray]]:
        holders = self.chosen if column.level == "request" else np.repeat(self.chosen, self.count)
        kind = "number" if column.feature.kind == "number" else "id"
        flat = self.batch.column(column.name).flatten().to_numpy() if kind == "number" else self.codes[column.name]
        number = np.cumsum(holders) - 1
        if column.feature.width > 1:
            wide = flat.reshape(len(holders), -1)[holders]
            return {f"{column.name}[{place}]": (column.level, kind, wide[:, place], np.arange(len(wide)))
                    for place in range(wide.shape[1])}
        if not column.feature.multiple:
            places = np.arange(int(holders.sum()))
            found = {column.name: (column.level, kind, flat[holders], places)}
            if kind == "id" and self.known is not None:
                ids, where = np.unique(flat[holders], return_inverse=True)
                never = (self.known[column.space].of(ids) == 0) & (ids != MISSING)
                found[column.name + NEVER_SEEN] = (column.level, "number", never[where].astype(np.float32), places)
            return found
        several: np.ndarray = self.batch.column(column.count).flatten().to_numpy()
        kept = np.repeat(holders, several)
        return {column.name: (column.level, kind, flat[kept], np.repeat(number, several)[kept]),
                column.count: (column.level, "number", several[holders].astype(np.float32), np.arange(int(holders.sum())))}

    def _in_history(self, past: Column) -> dict[str, tuple[str, str, np.ndarray, np.ndarray]]:
        """Whether what a candidate is stands in the history, where both have ids of one space."""
        found = {}
        events = np.repeat(np.arange(len(self.chosen)), lengths_of(self.batch, past.name))
        shown = np.repeat(np.arange(len(self.chosen)), self.count)
        kept = np.repeat(self.chosen, self.count)
        for column in self.schema.columns("candidate"):
            if column.feature.space == past.feature.space and not column.feature.multiple:
                codes = self.codes[column.name]
                again = np.isin(_of_request(codes, shown), _of_request(self.codes[past.name], events)) & (codes != MISSING)
                found[f"{column.name} in {past.name}"] = ("candidate", "number", again[kept].astype(np.float32),
                                                          np.arange(int(kept.sum())))
        return found


def _of_request(codes: np.ndarray, requests: np.ndarray) -> np.ndarray:
    """Digests of a request's own: the same id has another one in another request."""
    return codes ^ (requests.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
