"""The requests of some rows, as batches of the log's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.columnar import arrow_schema, lists, offsets, ranges
from zoo.data.importer.samples.candidates import Candidates, read_candidates
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.config import USER_KEY
from zoo.data.importer.samples.fields import Field
from zoo.data.importer.samples.items import NOWHERE, Items
from zoo.data.importer.samples.places import RowPlace
from zoo.data.importer.samples.plan import FILE, ROW, Plan, Reasons
from zoo.data.importer.samples.raw import RawTable
from zoo.data.importer.samples.requests import Groups, RequestSide, group, names, read_requests
from zoo.data.importer.samples.rows import Keys, read_keys, splits_of
from zoo.data.request_log import SPLITS
from zoo.schema import REQUEST_ID, REQUEST_TIME, Schema

BATCH = 4_096


class RequestBatches:
    """Makes requests of some rows, all rows of each of them.

    Args:
        plan: of the import.
        table: the rows; `FILE` and `ROW` say which ones.
        before: rows of files before theirs, so that rows have numbers of their own.
        cast: reads values.
        items: the catalogue that is joined.

    Attributes:
        notes: counts of what was done otherwise than asked.
        late: how many rows lie at or after the end of the test split.
        reasons: why rows can't be used.
        items: of the candidates, with time, place in the table, and what belongs to the item.
    """

    def __init__(self, plan: Plan, table: pa.Table, before: int, cast: Caster, items: Items | None):
        self.plan, self.config, self.cast, self.joined = plan, plan.config, cast, items
        self.file, self.row = table[FILE].to_numpy(), table[ROW].to_numpy()
        self.raw = RawTable(plan.config, table, self._where)
        self.reasons, self.notes = Reasons(len(table)), Counter()
        self.schema: Schema = plan.schema
        keys = read_keys(plan, self.raw, self.file, cast, self.reasons)
        candidates = read_candidates(plan, self.raw, cast, self.reasons)
        late = self.reasons.good & self._late(keys)
        self.late = int(late.sum())
        groups = group(plan, keys, self.reasons.good & ~late)
        side = read_requests(plan, self.raw, groups, cast)
        self._reject(side, groups)
        self._make(keys, candidates, groups, side, before)

    def _where(self, row: int) -> RowPlace:
        file = int(self.file[row])
        return RowPlace(self.plan.files[file], int(self.row[row]), file)

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """`(split, batch)` of all requests, in the order of the table."""
        for number, split in enumerate(SPLITS):
            places = np.flatnonzero(self.split == number)
            whole = self.batch if len(places) == len(self.split) else pc.take(self.batch, pa.array(places))
            for start in range(0, len(places), BATCH):
                yield split, whole.slice(start, BATCH)

    def rejected(self) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
        """`(files, rows, reason)` of the rows that can't be used."""
        for rows, reason in self.reasons.found():
            yield self.file[rows], self.row[rows], reason

    def _late(self, keys: Keys) -> np.ndarray:
        times = self.config.splits.times
        return keys.time >= times.until.timestamp() if times else np.zeros(len(keys.time), bool)

    def _reject(self, side: RequestSide, groups: Groups) -> None:
        """All rows of requests with something that can't be used."""
        for bad in side.bad:
            rows = np.zeros(len(self.raw), bool)
            rows[groups.rows[np.repeat(bad.places, groups.sizes)]] = True
            self.reasons.add(rows, bad.reason)
        self.notes.update({f"requests_whose_rows_differ_in_{name}": count for name, count in side.differing.items()})
        self.notes.update({f"requests_with_more_events_in_{name}_than_kept": one.cut for name, one in side.events.items()})

    def _make(self, keys: Keys, candidates: Candidates, groups: Groups, side: RequestSide, before: int) -> None:
        good = self.reasons.good[groups.first] if len(groups.sizes) else np.zeros(0, bool)
        kept = None if good.all() else np.flatnonzero(good)
        groups = groups if kept is None else groups.keep(good)
        shown = candidates.take(groups.rows)
        starts = groups.starts
        time = np.minimum.reduceat(keys.time[groups.rows], starts) if len(starts) else np.zeros(0, np.int64)
        per_request = np.add.reduceat(shown.lengths, starts) if len(starts) else np.zeros(0, np.int64)
        self.split = splits_of(self.plan, keys.split[groups.first], time)
        one = np.ones(len(starts), np.int64)
        columns = {REQUEST_ID: lists(names(self.plan, keys, groups, before + self.row), one),
                   REQUEST_TIME: lists(pa.array(time), one)}
        if USER_KEY in self.schema.keys:
            columns[USER_KEY] = lists(keys.user.take(pa.array(groups.first)), one)
        for name, field in side.fields.items():
            columns |= _columns(name, field if kept is None else field.take(kept), one)
        columns |= self._sequences(side, kept, time) | self._candidates(shown, groups, per_request, time)
        fields = arrow_schema(self.schema)
        self.batch = pa.RecordBatch.from_arrays([columns[name].cast(fields.field(name).type) for name in fields.names],
                                                schema=fields)

    def _sequences(self, side: RequestSide, kept: np.ndarray | None, time: np.ndarray) -> dict[str, pa.Array]:
        columns = {}
        for sequence in self.config.sequences:
            lengths, fields = side.events[sequence.name].lengths, dict(side.events[sequence.name].fields)
            if kept is not None:
                places = ranges(offsets(lengths)[:-1][kept], lengths[kept])
                lengths, fields = lengths[kept], {name: field.take(places) for name, field in fields.items()}
            if sequence.attributes and self.joined:
                rows = self.joined.rows(fields[sequence.fields[0].name].values, np.repeat(time, lengths))
                fields |= {name: self.joined.describe(name, rows) for name in sequence.attributes}
            for name, field in fields.items():
                columns |= _columns(f"{sequence.name}_{name}", field, lengths)
        return columns

    def _candidates(self, shown: Candidates, groups: Groups, lengths: np.ndarray, time: np.ndarray) -> dict[str, pa.Array]:
        fields = dict(shown.fields)
        times, item = np.repeat(time, lengths), next((one.name for one in self.config.candidates if one.role == "item"), None)
        rows = None
        if self.joined and item:
            rows = self.joined.rows(fields[item].values, times)
            self.notes["candidates_that_the_catalogue_does_not_have"] += int((rows == NOWHERE).sum())
            fields |= {name: self.joined.describe(name, rows) for name in self.joined.fields}
        columns = {}
        for name, field in fields.items():
            columns |= _columns(f"candidate_{name}", field, lengths)
        columns |= {f"label_{name}": lists(pa.array(label), lengths) for name, label in shown.labels.items()}
        if shown.weights is not None:
            columns["sample_weight"] = lists(pa.array(shown.weights), lengths)
        if item:
            of_rows = np.repeat(groups.rows, shown.lengths)
            self.items = self._described(item, fields, times, of_rows, None if rows is None else rows == NOWHERE)
        else:
            self.items = None
        return columns

    def _described(self, item: str, fields: dict[str, Field], times: np.ndarray, rows: np.ndarray,
                   which: np.ndarray | None) -> pa.Table:
        """What is said of the items: all candidates, or those that the catalogue does not have."""
        columns = {"item": fields[item].values.cast(pa.string()), "valid_from": pa.array(times),
                   FILE: pa.array(self.file[rows]), ROW: pa.array(self.row[rows])}
        for column in self.schema.item_columns():
            if column.feature.role != "item":
                field = fields[column.feature.name]
                columns |= _columns(column.feature.name, field, None)
        table = pa.table({name: array.cast(pa.list_(pa.string())) if array.type == pa.list_(pa.binary()) else
                          array.cast(pa.string()) if pa.types.is_binary(array.type) else array
                          for name, array in columns.items()})
        return table if which is None else table.filter(pa.array(which))


def _columns(name: str, field: Field, lengths: np.ndarray | None) -> dict[str, pa.Array]:
    """The log's columns of a field, of requests with some places each; of single places where no lengths are given."""
    if lengths is None:
        if field.counts is None:
            return {name: field.values if field.width == 1 else lists(field.values, np.full(len(field), field.width))}
        weights = {} if field.weights is None else {f"{name}_weight": lists(field.weights, field.counts)}
        return {name: lists(field.values, field.counts)} | weights
    if field.counts is None:
        return {name: lists(field.values, lengths * field.width)}
    totals = np.diff(offsets(field.counts)[offsets(lengths)])
    columns = {name: lists(field.values, totals), f"{name}_count": lists(pa.array(field.counts), lengths)}
    return columns if field.weights is None else columns | {f"{name}_weight": lists(field.weights, totals)}

