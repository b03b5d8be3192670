"""Where a row stands that an error is about."""

from __future__ import annotations

from typing import NamedTuple

from zoo.data.importer.errors import EventLogError


class RowPlace(NamedTuple):
    """A row of a file.

    Args:
        file: as the user named it.
        row: from 1; of a table that is being read, rows that DuckDB can't read not counted.
        number: of the file in that table; None where all rows are counted.
    """

    file: str
    row: int
    number: int | None = None


class RowError(EventLogError):
    """What is wrong in one row.

    Args:
        place: of the row.
        what: follows the row's name in the message.
    """

    def __init__(self, place: RowPlace, what: str):
        super().__init__(place, what)  # in full, so that it gets from process to process
        self.place, self.what = place, what

    def __str__(self) -> str:
        return f"{self.place.file}, row {self.place.row}{self.what}"
