"""The candidates that rows hold, one or a list, with their features and labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from zoo.data.columnar import offsets, ranges
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.features import SampleLabel
from zoo.data.importer.samples.fields import Field, FieldReader, Read
from zoo.data.importer.samples.places import RowError, RowPlace
from zoo.data.importer.samples.plan import Plan, Reasons
from zoo.data.importer.samples.ragged import Ragged, is_list
from zoo.data.importer.samples.raw import RawTable


class Candidates(NamedTuple):
    """The candidates of some rows.

    Args:
        lengths: `[R]` how many each row has.
        fields: features by name, those from the catalogue left out.
        labels: by name; NaN where not observed.
        weights: of the samples; None where the table has none.
    """

    lengths: np.ndarray
    fields: dict[str, Field]
    labels: dict[str, np.ndarray]
    weights: np.ndarray | None

    def take(self, rows: np.ndarray) -> Candidates:
        """Those of some rows, in any order."""
        lengths = self.lengths[rows]
        if len(rows) == len(self.lengths) and (rows == np.arange(len(rows))).all():
            return self
        places = ranges(offsets(self.lengths)[rows], lengths)
        return Candidates(lengths, {name: field.take(places) for name, field in self.fields.items()},
                          {name: label[places] for name, label in self.labels.items()},
                          None if self.weights is None else self.weights[places])


def read_candidates(plan: Plan, raw: RawTable, cast: Caster, reasons: Reasons) -> Candidates:
    """Reads the candidates of some rows.

    Args:
        plan: of the import.
        raw: the rows.
        cast: reads values.
        reasons: gets the rows that can't be used.

    Raises:
        EventLogError: a row's columns hold differently many candidates.
    """
    return _Reader(plan, raw, cast, reasons).read()


class _Reader:
    """Reads the candidates of some rows."""

    def __init__(self, plan: Plan, raw: RawTable, cast: Caster, reasons: Reasons):
        self.plan, self.config, self.raw, self.cast, self.reasons = plan, plan.config, raw, cast, reasons
        self.listed = self.config.rows == "requests"
        self.lengths: np.ndarray | None = None
        self.first = ""

    def read(self) -> Candidates:
        fields = {name: read.field for name, read in self._fields().items()}
        labels = {label.name: self._label(label) for label in self.config.labels}
        assert self.lengths is not None
        self.reasons.add(self.lengths == 0, "no candidates")
        for feature in self.config.candidates:
            if feature.role == "item":
                self._add(np.asarray(fields[feature.name].values.to_numpy(zero_copy_only=False) == b""), "no item")
        for label in self.config.labels:
            if label.given:
                self._add((labels[label.name] > 0) & (labels[label.given] == 0),
                          f"{label.name} is above 0 where {label.given}, which it is given, is 0")
        return Candidates(self.lengths, fields, labels, self._weights())

    def _fields(self) -> dict[str, Read]:
        shapes = {feature.name: self.plan.shapes[f"candidate_{feature.name}"] for feature in self.config.candidates}
        reader = FieldReader(self.cast, self._where)
        found: dict[str, Read] = {}
        single = {}
        for feature in self.config.candidates:
            shape = shapes[feature.name]
            if shape.multiple or feature.width > 1:
                raw, found[feature.name] = reader.read(
                    feature, shape, lambda inner, source, feature=feature: self.raw.candidate(feature, inner, source))
                self._check(feature.source, Ragged(raw.values, raw.lengths[:-1]) if self.listed else raw)
            else:
                raw = self.raw.candidate(feature, False)
                self._check(feature.source, raw)
                single[feature.name] = (feature, shape, raw.values)
        found |= reader.single(single)
        for read in found.values():
            for bad in read.bad:
                self._add(bad.places, bad.reason)
        return {feature.name: found[feature.name] for feature in self.config.candidates}

    def _where(self, place: int) -> RowPlace:
        row = place if self.lengths is None else int(np.searchsorted(offsets(self.lengths), place, side="right")) - 1
        return self.raw.where(row)

    def _check(self, source: str, column: Ragged) -> None:
        """That a column has as many candidates in each row as those before."""
        lengths = column.lengths[0] if self.listed else np.ones(len(self.raw), np.int64)
        if self.lengths is None:
            self.lengths, self.first = lengths, source
        wrong = lengths != self.lengths
        if wrong.any():
            row = int(np.argmax(wrong))
            raise RowError(self.raw.where(row), f": {self.first!r} has {self.lengths[row]} candidates and {source!r} "
                           f"{lengths[row]}; every candidate needs all features and labels")

    def _add(self, places: np.ndarray, reason: str) -> None:
        """Rejects the rows of some candidates."""
        assert self.lengths is not None
        if places.any():
            rows = np.repeat(np.arange(len(self.lengths)), self.lengths)
            self.reasons.add(np.bincount(rows[places], minlength=len(self.lengths)) > 0, reason)

    def _label(self, label: SampleLabel) -> np.ndarray:
        raw = self.raw.label(label)
        self._check(label.source, raw)
        if label.kind == "binary" and label.above is None and not label.soft:
            values, bad = self.cast(raw.values, "truth")
            if bad is not None:
                self._add_values(raw.values, bad, f"{label.source} is neither 1 nor 0")
            return values.to_numpy()
        values, bad = self.cast(raw.values, "double")
        number = values.to_numpy()
        if label.soft:
            outside = (number < 0) | (number > 1)
            bad = outside if bad is None else bad | outside
        if bad is not None:
            self._add_values(raw.values, bad, f"{label.source} is no probability" if label.soft
                             else f"{label.source} is not a number")
        if label.above is not None:
            return np.where(np.isnan(number), np.nan, number > label.above).astype(np.float32)
        return (number * label.scale).astype(np.float32)

    def _add_values(self, values: pa.Array, bad: np.ndarray, reason: str) -> None:
        """Rejects candidates by the value that their label has."""
        texts = self.cast(values.filter(pa.array(bad)), "text").values.to_numpy(zero_copy_only=False)
        places = np.flatnonzero(bad)
        for text in sorted(set(texts)):
            wrong = np.zeros(len(bad), bool)
            wrong[places[texts == text]] = True
            self._add(wrong, f"{reason}: {text.decode(errors='replace')[:40]}")

    def _weights(self) -> np.ndarray | None:
        """Weights of the samples; one of a row is that of all its candidates."""
        name = self.config.columns.weight
        if name is None:
            return None
        assert self.lengths is not None
        column = self.raw.column(name)
        if self.listed and is_list(column.type):
            raw = self.raw.lists(name)
            self._check(name, raw)
            values = self.cast(raw.values, "number").values.to_numpy()
        else:
            values = np.repeat(self.cast(column, "number").values.to_numpy(), self.lengths)
        self._add(~(np.nan_to_num(values, nan=-1.0, posinf=-1.0) >= 0), f"{name} is no weight, a number that is at least 0")
        return values
