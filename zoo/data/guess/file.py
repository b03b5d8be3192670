"""A file to be guessed at: how it is written, its first rows, and questions to all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from zoo.config import parse
from zoo.data.guess.look import Column, text_of
from zoo.data.guess.sniff import sniff
from zoo.data.guess.splits import Period, period_of
from zoo.data.guess.times import TimeForm
from zoo.data.importer import sql
from zoo.data.importer.files_config import MISSING, Files
from zoo.data.importer.inputs import Input
from zoo.data.importer.sources import Source, quote

LOOKED_AT = 20_000
_TEXT = (".csv", ".tsv", ".txt", ".dat", ".data")


class File:
    """A file of rows.

    Args:
        db: where it is read.
        file: the file.
        room: folder for copies.

    Attributes:
        name: of the file.
        why: what was seen of how it is written, in words; "" for Parquet and JSON.
        settings: of `files` in an import configuration, where they are not the usual ones; names of columns are added later.
        columns: what its first rows look like.
        rows: how many there are, `looked_at` of them.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, file: Input, room: str):
        self.db, self.name, self.why, self.settings = db, file.name, "", {}
        kind = file.path.lower().removesuffix(".gz").removesuffix(".zst")
        how, self.header = Files(), True
        written = sniff(file.path) if kind.endswith(_TEXT) else None
        if written:
            self.header = written.header
            names = None if written.header else tuple(f"column_{place}" for place in range(1, written.width + 1))
            how = parse(Files, {"header": written.header, "names": names, "delimiter": written.delimiter,
                                "encoding": written.encoding})
            first = "names the columns" if written.header else "is a row"
            self.why = f"Its first line {first}: {written.why}. Fields are divided by {written.delimiter!r}."
            if written.encoding != "utf-8":
                self.settings["encoding"] = written.encoding
            if written.delimiter not in ",;|\t" or not written.header:
                self.settings["delimiter"] = written.delimiter
        self.source = Source(db, file.name, file.path, how, room)
        self.rows = db.execute(f"SELECT count(*) FROM {self.source.relation}").fetchall()[0][0]
        # A column of several types is JSON, whose texts are in quotes.
        values = ", ".join(f"{quote(column)} ->> '$'" if kind == "JSON" else quote(column)
                           for column, kind in self.source.types.items())
        found = db.execute(f"SELECT {values} FROM {self.source.relation} LIMIT {LOOKED_AT}").fetchall()
        self.looked_at = len(found)
        columns: list[Any] = list(zip(*found, strict=True)) if found else [()] * len(self.source.columns)
        self.columns = [self._column(name, list(values)) for name, values in zip(self.source.columns, columns, strict=True)]

    def _column(self, name: str, values: list[Any]) -> Column:
        one = next((value for value in values if value is not None), None)
        nested = isinstance(one, dict) or (isinstance(one, list) and any(isinstance(part, (dict, list)) for part in one))
        return Column(name, self.header, [None] * len(values) if nested else [text_of(value) for value in values], nested)

    def files(self, names: dict[str, str]) -> dict[str, Any]:
        """The settings, with names of the columns where the file has none."""
        if self.header:
            return self.settings
        return {"header": False, "names": [names.get(column, column) for column in self.source.columns], **self.settings}

    def values(self, column: Column) -> list[tuple[str, int]]:
        """All values of a column and how often they are there, the most frequent first."""
        text = self._text(column)
        return self.db.execute(f"SELECT {text} AS value, count(*) FROM {self.source.relation} WHERE value IS NOT NULL "
                               "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200").fetchall()

    def period(self, column: Column, form: TimeForm) -> Period | None:
        """The times of all rows."""
        return period_of(self.db, self.source.relation, self._moment(column, form))

    def counter(self, column: Column, form: TimeForm) -> Callable[[int, int], int]:
        """Counts rows from a time on and before another."""
        moment = self._moment(column, form)
        return lambda begin, end: self.db.execute(
            f"SELECT count(*) FROM {self.source.relation} WHERE {moment} >= {begin} AND {moment} < {end}").fetchall()[0][0]

    def _moment(self, column: Column, form: TimeForm) -> str:
        return sql.moment_of(self._text(column), _Times(form))

    def _text(self, column: Column) -> str:
        return sql.text_of(quote(column.name), self.source.types[column.name], MISSING)


class _Times:
    """As an import configuration says how times are written."""

    def __init__(self, form: TimeForm):
        self.time_unit, self.time_format, self.time_year, self.time_zone = form.unit, form.format, None, "UTC"
