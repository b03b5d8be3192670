"""The files of a table of samples: their columns, of one type in all files, and their rows, batch by batch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.config import nearest
from zoo.data.importer.files_config import Files
from zoo.data.importer.inputs import Input
from zoo.data.importer.joins import Joined
from zoo.data.importer.samples.plan import FILE, ROW
from zoo.data.importer.samples.ragged import one_array
from zoo.data.importer.sources import EventLogError, Source, quote

# Rows that are worked on at a time.
CHUNK_ROWS = 16_384
T = TypeVar("T")
_FIXED = re.compile(r"\[\d+\]")


class SampleTable:
    """The rows of some files.

    Args:
        db: where they are read.
        inputs: the files.
        how: they are written.
        needed: the columns that are read, with what each is for.
        room: folder for copies.
        joins: files whose columns are added.

    Attributes:
        mended: lines with a quote that is never closed, which are read as if they had none.
        short: lines with fewer fields than the header.
        floats: columns of texts that are whole numbers written as floats (`123.0`), as pandas makes them as soon as one is
            missing; they are whole again.

    Raises:
        EventLogError: a file can't be read or lacks a column.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, inputs: Sequence[Input], how: Files, needed: Mapping[str, str],
                 room: str, joins: Sequence[Joined] = ()):
        self.joins = joins
        self.db, self.inputs, self.how, self.needed, self.room = db, inputs, how, needed, room
        self.mended = self.short = 0
        self.floats: list[str] = []
        self._unreadable: dict[int, pa.Table] = {}
        self.types = self._common([self._checked(number) for number in range(len(inputs))])

    @property
    def bytes(self) -> int:
        """Roughly what the rows need when they are unpacked."""
        packed = (".gz", ".zst", ".parquet")
        return sum(os.path.getsize(one.path) * (4 if one.path.lower().endswith(packed) else 1) for one in self.inputs)

    def sample(self, rows: int) -> pa.Table:
        """The first rows of the first file."""
        return self._reading(0, lambda: self.db.sql(f"{self._select(self._source(0), 0)} LIMIT {rows}").to_arrow_table())

    def mend_floats(self, sample: pa.Table) -> None:
        """Finds the columns of texts that are whole numbers written as floats, by the first rows."""
        for name, kind in self.types.items():
            if kind == "VARCHAR":
                texts = pc.utf8_trim_whitespace(one_array(sample[name]))
                texts = texts.filter(pc.invert(pc.is_in(texts, value_set=pa.array(["", *self.how.missing]))))
                if len(texts) and pc.all(pc.match_substring_regex(texts, r"^[0-9]{1,15}\.0$")).as_py():
                    self.floats.append(name)

    def batches(self, number: int, more: str = "") -> Iterator[pa.RecordBatch]:
        """All rows of a file, in order; `FILE` and `ROW` say which ones.

        Args:
            number: of the file.
            more: further columns, as SQL.
        """
        source = self._source(number)
        self.mended += source.mended
        self.short += source.short
        reader = self._reading(number, lambda: self.db.sql(self._select(source, number, more)).to_arrow_reader(CHUNK_ROWS))
        while True:
            try:
                yield self._reading(number, reader.read_next_batch)
            except StopIteration:
                break
        rows = ("SELECT row, reason FROM left_out ORDER BY row" if source.unreadable() else
                "SELECT CAST(0 AS BIGINT) AS row, '' AS reason WHERE false")
        self._unreadable[number] = self.db.sql(rows).to_arrow_table()

    def unreadable(self, number: int) -> pa.Table:
        """Rows of a file that DuckDB can't read, with the reason; known when its rows were read."""
        return self._unreadable[number]

    def row_in_file(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The places in a file of rows by their number among those that can be read."""
        left_out = self._unreadable[number]["row"].to_numpy()
        return rows + np.searchsorted(left_out - np.arange(1, len(left_out) + 1), rows, side="left")

    def place_in_file(self, number: int, row: int) -> int:
        """As `row_in_file`, of one row, whether the file was read to its end or not."""
        if number not in self._unreadable:
            for _ in self.batches(number):
                pass
        return int(self.row_in_file(number, np.array([row]))[0])

    def _source(self, number: int) -> Source:
        one = self.inputs[number]
        with Source.reading(one.name, one.path):
            source = Source(self.db, one.name, one.path, self.how, self.room)
            for joined in self.joins:
                joined.to(source)
        return source

    def _reading(self, number: int, read: Callable[[], T]) -> T:
        """Says which file it is that can't be read."""
        with Source.reading(self.inputs[number].name, self.inputs[number].path):
            return read()

    def _checked(self, number: int) -> dict[str, str]:
        """The types of a file's columns."""
        source, name = self._source(number), self.inputs[number].name
        for column, meaning in self.needed.items():
            if column not in source.columns:
                raise EventLogError(f"{name}: no column {column!r} (for {meaning}){nearest(column, source.columns)}")
        return {column: "VARCHAR" if source.types[column] == "JSON" else _FIXED.sub("[]", source.types[column])
                for column in self.needed}

    def _common(self, types: list[dict[str, str]]) -> dict[str, str]:
        """Types that hold what all files have."""
        found = {}
        for column in self.needed:
            kinds = list(dict.fromkeys(one[column] for one in types))
            if len(kinds) > 1:
                nothing = " UNION ALL ".join(f"SELECT CAST(NULL AS {kind}) AS it" for kind in kinds)
                try:
                    kinds = [self.db.execute(f"DESCRIBE {nothing}").fetchall()[0][1]]
                except duckdb.Error:
                    raise EventLogError(f"column {column!r} is {kinds[0]} in some files and {kinds[1]} in others; write them "
                                        "alike") from None
            found[column] = kinds[0]
        return found

    def _select(self, source: Source, number: int, more: str = "") -> str:
        columns = []
        for name, kind in self.types.items():
            value = quote(name)
            if source.types[name] != kind:
                # Values of several types are JSON, whose texts are in quotes.
                value = f"({value} ->> '$')" if source.types[name] == "JSON" else f"CAST({value} AS {kind})"
            value = f"regexp_replace({value}, '\\.0\\s*$', '')" if name in self.floats else value
            columns.append(f"{value} AS {quote(name)}")
        return (f"SELECT {', '.join(columns)}, CAST({number} AS INTEGER) AS {FILE}, row_number() OVER () AS {ROW}{more} "
                f"FROM {source.relation}")
