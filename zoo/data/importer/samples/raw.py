"""The columns of some rows of a table, by what they are for: still as they stand there, but flat and with lengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.importer.files_config import numbered
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.features import SampleFeature, SampleLabel, SampleSequence
from zoo.data.importer.samples.places import RowError, RowPlace
from zoo.data.importer.samples.ragged import NoListError, Ragged, beside, one_array, ragged, split
from zoo.data.importer.sources import EventLogError


def needed_columns(config: SamplesConfig) -> dict[str, str]:
    """The columns of the table that are read, with what each is for."""
    columns = {getattr(config.columns, key): key for key in ("user", "time", "time_of_day", "request", "weight")}
    columns |= {config.splits.column: "splits", config.page.column: "page"}
    apart = [one for one in (*config.candidates, *config.labels) if one.name not in config.page.fields]
    columns |= dict.fromkeys(request_columns(config), "request and sequences")
    columns |= {name: one.name for one in apart for name in one.columns}
    return {column: meaning for column, meaning in columns.items() if column}


def request_columns(config: SamplesConfig) -> list[str]:
    """The columns that say something of the request as a whole."""
    names = [name for feature in config.request for name in feature.columns]
    for sequence in config.sequences:
        names += [name for name in (sequence.column, sequence.length) if name]
        names += [name for field in sequence.fields for name in field.columns if not sequence.column]
    return list(dict.fromkeys(names))


class RawTable:
    """Some rows of a table.

    Args:
        config: says what the columns mean.
        table: the columns that `needed_columns` names.
        where: names a row in errors.

    Raises:
        EventLogError: by all methods, where a column is not what it is said to be.
    """

    def __init__(self, config: SamplesConfig, table: pa.Table,
                 where: Callable[[int], RowPlace] = lambda row: RowPlace("the table", row + 1)):
        self.config, self.table, self.where = config, table, where
        self._parts: dict[str, Ragged] | None = None

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: np.ndarray) -> RawTable:
        """Some of the rows."""
        if len(rows) == len(self) and (rows == np.arange(len(rows))).all():
            return self
        return RawTable(self.config, self.table.take(pa.array(rows)), lambda row: self.where(int(rows[row])))

    def column(self, name: str) -> pa.Array:
        """A column as it is."""
        return one_array(self.table[name])

    def lists(self, name: str) -> Ragged:
        """A column of lists."""
        return self._read(name, [None], True)

    def candidate(self, feature: SampleFeature, inner: bool, source: str | None = None) -> Ragged:
        """A candidate feature (or the label, or the weights in another column `source`): one value a row, or a list.

        Args:
            feature: which one.
            inner: whether each candidate has several values.
            source: another column, written in the same way.
        """
        separators = [self.config.page.separator] if self.config.rows == "requests" else []
        if feature.name in self.config.page.fields and source is None:
            part = self._page()[feature.name]
            if not inner:
                return part
            several = ragged(part.values, [feature.separator], self.config.files.missing)
            return Ragged(several.values, (*part.lengths, *several.lengths))
        return self._read(source or feature.source, [*separators, *[feature.separator] * inner], inner or bool(separators))

    def label(self, label: SampleLabel) -> Ragged:
        """A label: one value a row, or a list."""
        if label.name in self.config.page.fields:
            return self._page()[label.name]
        separators = [self.config.page.separator] if self.config.rows == "requests" else []
        return self._read(label.source, separators, bool(separators))

    def request(self, feature: SampleFeature, inner: bool, source: str | None = None) -> Ragged:
        """A feature of the request."""
        return self._read(source or feature.source, [feature.separator] * inner, inner)

    def event(self, sequence: SampleSequence, feature: SampleFeature, inner: bool, source: str | None = None) -> Ragged:
        """A field of a sequence's events."""
        if sequence.column is None:
            return self._read(source or feature.source, [sequence.separator, *[feature.separator] * inner], True)
        if sequence.field_separator:
            events = self._parts_of(sequence.column, sequence.separator, sequence.field_separator,
                                    [field.name for field in sequence.fields])[feature.name]
        else:
            events = self._structs(sequence.column, source or feature.source)
        if not inner:
            return events
        several = self._named(sequence.column, lambda: ragged(events.values, [feature.separator], self.config.files.missing))
        return Ragged(several.values, (*events.lengths, *several.lengths))

    def _read(self, source: str, separators: Sequence[str | None], lists: bool) -> Ragged:
        """A column, or a range of columns whose values stand side by side in the outermost lists."""
        names = numbered(source)
        if len(names) == 1:
            return self._named(source, lambda: ragged(self.column(source), separators, self.config.files.missing))
        columns = [self.column(name) for name in names]
        if len({column.type for column in columns}) > 1:
            texts = any(pa.types.is_string(column.type) for column in columns)
            columns = [column.cast(pa.string() if texts else pa.float64()) for column in columns]
        if not lists:
            raise EventLogError(f"{source!r} are {len(names)} columns where one value is expected; a number needs `width: "
                                f"{len(names)}`")
        outer = beside(columns)
        inner = self._named(source, lambda: ragged(outer.values, separators[1:], self.config.files.missing))
        return Ragged(inner.values, (*outer.lengths, *inner.lengths))

    def _named(self, source: str, read: Callable[[], Ragged]) -> Ragged:
        """Reads a column whose name belongs into the error."""
        try:
            return read()
        except NoListError as error:
            raise EventLogError(f"column {source!r} {error}") from None

    def _page(self) -> Mapping[str, Ragged]:
        page = self.config.page
        assert page.column is not None
        if self._parts is None:
            self._parts = self._parts_of(page.column, page.separator, page.field_separator, page.fields)
        return self._parts

    def _parts_of(self, column: str, separator: str | None, field_separator: str | None,
                  names: Sequence[str]) -> dict[str, Ragged]:
        """The parts of each element of a text with two levels."""
        whole = self._named(column, lambda: ragged(self.column(column), [separator], self.config.files.missing))
        if field_separator is None:
            return {names[0]: whole}
        lists = split(whole.values, field_separator, self.config.files.missing)
        counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        wrong = counts != len(names)
        if wrong.any():
            place = int(np.argmax(wrong))
            raise RowError(self.where(int(whole.rows[place])), f", column {column!r}: {whole.values[place].as_py()!r} has "
                           f"{counts[place]} parts between {field_separator!r}, expected {len(names)}: {', '.join(names)}")
        flat = lists.flatten()
        return {name: Ragged(flat.take(pa.array(np.arange(number, len(flat), len(names)))), whole.lengths)
                for number, name in enumerate(names)}

    def _structs(self, column: str, field: str) -> Ragged:
        events = self._named(column, lambda: ragged(self.column(column), [None], self.config.files.missing))
        if not pa.types.is_struct(events.values.type):
            raise EventLogError(f"column {column!r} holds neither lists of structs ({events.values.type}) nor texts with a "
                                "`field_separator`")
        if events.values.type.get_field_index(field) < 0:
            raise EventLogError(f"the structs of column {column!r} have no field {field!r}; they have "
                                f"{', '.join(one.name for one in events.values.type)}")
        return Ragged(pc.struct_field(events.values, [events.values.type.get_field_index(field)]), events.lengths)

