"""What is counted of a split while its requests are read, in memory that does not grow with the log."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.check.ids import MISSING, IdCounts, id_codes
from zoo.check.samples import Samples
from zoo.data.columnar import lengths_of
from zoo.schema import REQUEST_ID, REQUEST_TIME, Schema

POSITIONS = 50


@dataclass
class Missing:
    """Of one column: how many values there are, how many of them are missing, and between what numbers the others lie."""

    values: int = 0
    missing: int = 0
    least: float = np.inf
    most: float = -np.inf


@dataclass
class Unknown:
    """Of one id space: values in requests, those that training never had, and those that it had too seldom to learn them."""

    values: int = 0
    never: int = 0
    seldom: int = 0


@dataclass
class Profile:
    """One split.

    Args:
        schema: of the log.
        samples: what single features are judged on.
        times, candidates: `[R]` of the requests.
        observed, positives: `[R]` by label: candidates whose label is known, and those that happened.
        by_position: by label, `[POSITIONS, 2]` observed and positive candidates at each place of the page.
        lengths: `[R]` by sequence.
        missing: by column.
        later_events: events of histories that are later than their request.
        ids, contents, groups: `[R]` digests of the request's id; of who, when and which candidates; of the group key.
    """

    schema: Schema
    samples: Samples
    times: list[np.ndarray] = field(default_factory=list)
    candidates: list[np.ndarray] = field(default_factory=list)
    observed: dict[str, list[np.ndarray]] = field(default_factory=dict)
    positives: dict[str, list[np.ndarray]] = field(default_factory=dict)
    by_position: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: dict[str, list[np.ndarray]] = field(default_factory=dict)
    missing: dict[str, Missing] = field(default_factory=dict)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    later_events: int = 0
    ids: list[np.ndarray] = field(default_factory=list)
    contents: list[np.ndarray] = field(default_factory=list)
    groups: list[np.ndarray] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch, known: dict[str, IdCounts], training: bool) -> None:
        """Counts the requests of a batch.

        Args:
            batch: the requests.
            known: ids of the training split by space, and of the group key under "".
            training: whether this is the training split, whose ids are added to `known`.
        """
        count = self._candidates(batch)
        self.times.append(batch.column(REQUEST_TIME).flatten().to_numpy())
        self.candidates.append(count.astype(np.int32))
        self._labels(batch, count)
        codes = self._columns(batch)
        for sequence in self.schema.sequences:
            head = self.schema.sequence_columns(sequence)[0]
            name = head.count if head.feature.multiple else head.name
            self.lengths.setdefault(sequence.name, []).append(lengths_of(batch, name).astype(np.int32))
        self._digests(batch, codes)
        self._spaces(codes, known, training)
        self.samples.add(batch, codes, count, None if training else known)

    def _candidates(self, batch: pa.RecordBatch) -> np.ndarray:
        first = self.schema.columns("candidate")[0]
        return lengths_of(batch, first.count if first.feature.multiple else first.name) // first.feature.width

    def _labels(self, batch: pa.RecordBatch, count: np.ndarray) -> None:
        rows = np.repeat(np.arange(len(count)), count)
        position = np.minimum(np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count), POSITIONS - 1)
        for label in self.schema.labels:
            values = batch.column(label.column).flatten().to_numpy()
            observed = ~np.isnan(values)
            happened = observed & (values > 0)
            for into, which in ((self.observed, observed), (self.positives, happened)):
                into.setdefault(label.name, []).append(np.bincount(rows[which], minlength=len(count)).astype(np.int32))
            table = self.by_position.setdefault(label.name, np.zeros((POSITIONS, 2), np.int64))
            table += np.stack([np.bincount(position[which], minlength=POSITIONS) for which in (observed, happened)], 1)

    def _columns(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Counts what is missing; gives the numbers of the ids by column."""
        codes = {}
        for column in self.schema.columns():
            values, seen = batch.column(column.name).flatten(), self.missing.setdefault(column.name, Missing())
            seen.values += len(values)
            if column.feature.kind == "id":
                codes[column.name] = id_codes(values)
                seen.missing += int((codes[column.name] == MISSING).sum())
            elif column.feature.kind == "text":
                seen.missing += int(pc.sum(pc.equal(pc.binary_length(values), 0)).as_py() or 0)
            else:
                numbers = values.to_numpy()
                there = numbers[np.isfinite(numbers)]
                seen.missing += len(numbers) - len(there)
                if len(there):
                    seen.least, seen.most = min(seen.least, float(there.min())), max(seen.most, float(there.max()))
                if column.feature.role == "time_gap":
                    self.later_events += int((there < 0).sum())
        return codes

    def _digests(self, batch: pa.RecordBatch, codes: dict[str, np.ndarray]) -> None:
        """Of what makes a request the same as another."""
        group = batch.column(self.schema.group_key).flatten()
        self.ids.append(id_codes(batch.column(REQUEST_ID).flatten()))
        self.groups.append(id_codes(group))
        item = self.schema.candidate("item") or self.schema.columns("candidate")[0]
        shown = batch.column(item.name)
        shown = pc.binary_join(shown, b"\x1f") if item.feature.kind != "number" else group
        times = batch.column(REQUEST_TIME).flatten().cast(pa.string()).cast(pa.binary())
        self.contents.append(id_codes(pc.binary_join_element_wise(group, times, shown, b"\x1e")))

    def _spaces(self, codes: dict[str, np.ndarray], known: dict[str, IdCounts], training: bool) -> None:
        if training:
            known.setdefault("", IdCounts()).add(self.groups[-1])
        by_space: dict[str, list[np.ndarray]] = {}
        for column in self.schema.columns():
            if column.feature.kind == "id":
                by_space.setdefault(column.space, []).append(codes[column.name])
        for space, several in by_space.items():
            values = np.concatenate(several)
            if training:
                known.setdefault(space, IdCounts()).add(values)
            else:
                there, times = np.unique(values[values != MISSING], return_counts=True)
                before, found = known[space].of(there), self.unknown.setdefault(space, Unknown())
                found.values += int(times.sum())
                found.never += int(times[before == 0].sum())
                found.seldom += int(times[before < self.schema.spaces[space].min_count].sum())

    # ---- of the whole split ------------------------------------------------------------------------------------------

    def request_times(self) -> np.ndarray:
        """`[R]` seconds since 1970."""
        return _joined(self.times, np.int64)

    def total(self, of: dict[str, list[np.ndarray]], label: str) -> int:
        """Sum of `observed` or `positives` over the split."""
        return int(sum(int(part.sum()) for part in of.get(label, [])))

    def joined(self, parts: list[np.ndarray]) -> np.ndarray:
        """Batches of one of its lists, one after the other."""
        return _joined(parts, np.int64)


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, kind)
