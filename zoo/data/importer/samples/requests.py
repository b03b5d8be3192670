"""Which rows make a request, and what is said of requests as a whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.fields import Bad, Field, FieldReader
from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.raw import RawTable, request_columns
from zoo.data.importer.samples.rows import Keys
from zoo.data.importer.samples.sequences import Events, read_events


class Groups(NamedTuple):
    """Rows that make requests.

    Args:
        rows: `[R]` all rows of the first request, then of the second.
        sizes: `[Q]` how many rows each request has.
    """

    rows: np.ndarray
    sizes: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """`[Q]` place in `rows` of each request's first row."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def first(self) -> np.ndarray:
        """`[Q]` each request's first row."""
        return self.rows[self.starts]

    def keep(self, requests: np.ndarray) -> Groups:
        """Some of the requests."""
        return Groups(self.rows[np.repeat(requests, self.sizes)], self.sizes[requests])


def group(plan: Plan, keys: Keys, good: np.ndarray) -> Groups:
    """The requests of some rows, in the order in which they come first, each with its rows in their order."""
    rows = np.flatnonzero(good)
    if not plan.groups or keys.request is None or not len(rows):
        return Groups(rows, np.ones(len(rows), np.int64))
    numbers = [_numbers(keys.request), _numbers(keys.user), keys.split]
    code = np.zeros(len(rows), np.int64)
    for number in numbers:
        code = code * (int(number.max()) + 2) + number[rows] + 1
        code = np.unique(code, return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    came = np.argsort(np.argsort(first))[code]
    return Groups(rows[np.argsort(came, kind="stable")], np.bincount(came))


def _numbers(texts: pa.Array) -> np.ndarray:
    return texts.dictionary_encode().indices.to_numpy()


class RequestSide(NamedTuple):
    """What is said of requests as a whole.

    Args:
        fields: features by name.
        events: sequences by name.
        bad: requests with a value that can't be used.
        differing: by column, how many requests have rows that say something else than the first one does.
    """

    fields: dict[str, Field]
    events: dict[str, Events]
    bad: list[Bad]
    differing: dict[str, int]


def read_requests(plan: Plan, raw: RawTable, groups: Groups, cast: Caster) -> RequestSide:
    """Reads what the first row of each request says of it."""
    first = raw.take(groups.first)
    reader, single, fields, bad = FieldReader(cast, first.where), {}, {}, []
    for feature in plan.config.request:
        shape = plan.shapes[feature.name]
        if shape.multiple:
            fields[feature.name], wrong = reader.read(
                feature, shape, lambda inner, source, feature=feature: first.request(feature, inner, source))[1]
            bad += wrong
        else:
            single[feature.name] = (feature, shape, first.request(feature, False).values)
    for name, read in reader.single(single).items():
        fields[name] = read.field
        bad += read.bad
    events = {sequence.name: read_events(sequence, plan.shapes, first, cast) for sequence in plan.config.sequences}
    bad += [wrong for one in events.values() for wrong in one.bad]
    return RequestSide(fields, events, bad, _differing(plan, raw, groups, cast))


def _differing(plan: Plan, raw: RawTable, groups: Groups, cast: Caster) -> dict[str, int]:
    columns = request_columns(plan.config)
    if len(groups.rows) == len(groups.sizes) or not columns:
        return {}
    prints = cast.fingerprints(raw.table.select(columns))
    request = np.repeat(np.arange(len(groups.sizes)), groups.sizes)
    return {name: len(np.unique(request[values[groups.rows] != values[groups.first][request]]))
            for name, values in prints.items()}


def names(plan: Plan, keys: Keys, groups: Groups, number: np.ndarray) -> pa.Array:
    """What requests are called: as in the table, or by the number of their row."""
    first = pa.array(groups.first)
    if keys.request is None:
        numbers = pa.array(number[groups.first]).cast(pa.string()).cast(pa.binary())
        return pc.binary_join_element_wise(pa.scalar(b"q"), numbers, pa.scalar(b""))
    request = keys.request.take(first)
    if not plan.named_by_user:
        return request
    return pc.binary_join_element_wise(keys.user.take(first), request, pa.scalar(b"-"))
