"""The events of a behaviour sequence: those that are none left out, oldest first, the most recent ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.columnar import offsets, ranges
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.feature_places import Shape
from zoo.data.importer.samples.features import SampleSequence
from zoo.data.importer.samples.fields import Bad, Field, FieldReader
from zoo.data.importer.samples.places import RowError
from zoo.data.importer.samples.ragged import Ragged
from zoo.data.importer.samples.raw import RawTable


class Events(NamedTuple):
    """A sequence of many rows.

    Args:
        lengths: `[R]` how many events each row has.
        fields: by name.
        bad: rows with a value that can't be used.
        cut: how many rows had more events than are kept.
    """

    lengths: np.ndarray
    fields: dict[str, Field]
    bad: list[Bad]
    cut: int


def read_events(sequence: SampleSequence, shapes: Mapping[str, Shape], raw: RawTable, cast: Caster) -> Events:
    """Reads a sequence.

    Args:
        sequence: which one.
        shapes: of the features, by their column in the log.
        raw: the rows.
        cast: reads values.

    Raises:
        EventLogError: the fields of a row's events are not equally many, or there are less than its length says.
    """
    shape = {field.name: shapes[f"{sequence.name}_{field.name}"] for field in sequence.fields}
    columns = {field.name: raw.event(sequence, field, shape[field.name].multiple) for field in sequence.fields}
    lengths = _same_lengths(sequence, columns, raw)
    first, rows = sequence.fields[0], np.repeat(np.arange(len(raw)), lengths)
    there = _within(sequence, raw, lengths, cast)
    texts = None if shape[first.name].multiple else cast(columns[first.name].values, "text").values
    if texts is not None:
        there &= ~_is_none(sequence, columns, texts, cast)
    kept = np.bincount(rows[there], minlength=len(raw))
    chosen = np.flatnonzero(there)[_newest(kept, sequence.max_length, sequence.newest_first)]
    whole = len(chosen) == len(there) and not sequence.newest_first
    fields, bad = {}, []
    reader = FieldReader(cast, lambda event: raw.where(int(rows[chosen[event]])))
    for field in sequence.fields:
        if field is first and texts is not None and shape[field.name].kind != "number":
            fields[field.name] = Field(texts if whole else texts.take(pa.array(chosen)))
            continue

        def get(_, source, field=field) -> Ragged:
            column = columns[field.name] if source is None else raw.event(sequence, field, True, source)
            return column.inner if whole else column.inner.take(chosen)

        fields[field.name], wrong = reader.read(field, shape[field.name], get)[1]
        bad += [Bad(np.bincount(rows[chosen[one.places]], minlength=len(raw)) > 0, one.reason) for one in wrong]
    return Events(np.minimum(kept, sequence.max_length), fields, bad, int((kept > sequence.max_length).sum()))


def _same_lengths(sequence: SampleSequence, columns: Mapping[str, Ragged], raw: RawTable) -> np.ndarray:
    """How many events each row has by all of its fields."""
    first, *others = sequence.fields
    lengths = columns[first.name].lengths[0]
    for field in others:
        wrong = columns[field.name].lengths[0] != lengths
        if wrong.any():
            row = int(np.argmax(wrong))
            raise RowError(raw.where(row), f", sequence {sequence.name!r}: {first.source!r} has {lengths[row]} values and "
                           f"{field.source!r} {columns[field.name].lengths[0][row]}; every event needs all fields")
    return lengths


def _within(sequence: SampleSequence, raw: RawTable, lengths: np.ndarray, cast: Caster) -> np.ndarray:
    """Which events are among the first that the length says."""
    if sequence.length is None:
        return np.ones(int(lengths.sum()), bool)
    said, bad = cast(raw.column(sequence.length), "double")
    number = np.nan_to_num(said.to_numpy(), nan=0.0)
    wrong = (number < 0) | (number > lengths) | (number != np.trunc(number)) | (False if bad is None else bad)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise RowError(raw.where(row), f", sequence {sequence.name!r}: its length {sequence.length!r} is "
                       f"{raw.column(sequence.length)[row].as_py()!r}, but there are {lengths[row]} events")
    return np.arange(int(lengths.sum())) - np.repeat(offsets(lengths)[:-1], lengths) < np.repeat(number, lengths)


def _is_none(sequence: SampleSequence, columns: Mapping[str, Ragged], texts: pa.Array, cast: Caster) -> np.ndarray:
    """Which events are padding: the first field has such a value, or nothing is said in any field."""
    others = sequence.fields[1:]
    padding = np.zeros(len(texts), bool)
    if sequence.padding:
        values = pa.array([text.encode() for text in sequence.padding], pa.binary())
        padding = pc.is_in(texts, value_set=values).to_numpy(zero_copy_only=False)
    empty = np.flatnonzero(pc.equal(texts, b"").to_numpy(zero_copy_only=False) & ~padding)
    for field in others:
        part = columns[field.name].inner.take(empty)
        if part.lengths:
            empty = empty[part.lengths[0] == 0]
        else:
            empty = empty[pc.equal(cast(part.values, "text").values, b"").to_numpy(zero_copy_only=False)]
    padding[empty] = True
    return padding


def _newest(lengths: np.ndarray, most: int, newest_first: bool) -> np.ndarray:
    """Places of the most recent elements of lists that lie one after the other, oldest first."""
    kept = np.minimum(lengths, most)
    if not newest_first:
        return ranges(offsets(lengths)[1:] - kept, kept)
    forward = ranges(offsets(lengths)[:-1], kept)
    first, last = np.repeat(offsets(lengths)[:-1], kept), np.repeat(offsets(lengths)[:-1] + kept - 1, kept)
    return first + last - forward
