"""The cells of a file as SQL: texts, numbers and times, however they are written."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.config import nearest
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.fields import Attribute
from zoo.data.importer.sources import EventLogError, Source, literal, quote

_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}


class Cells:
    """Expressions over a file's columns.

    Args:
        source: the file.
        config: says how times are written.
    """

    def __init__(self, source: Source, config: ImportConfig):
        self.source, self.config = source, config

    def text(self, column: str | None) -> str:
        """A column's trimmed text; NULL where it is missing or the file has no such column."""
        if column is None or column not in self.source.columns:
            return "NULL"
        value, text = quote(column), f"CAST({quote(column)} AS VARCHAR)"
        if self.source.types[column].startswith(("DOUBLE", "FLOAT", "DECIMAL")):
            # pandas makes floats of whole numbers as soon as one is missing.
            whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
            text = f"(CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE {text} END)"
        text = f"trim({text})"
        return f"(CASE WHEN {text} IN {texts(('', *self.source.how.missing))} THEN NULL ELSE {text} END)"

    def number(self, column: str | None, sql_type: str = "FLOAT") -> str:
        """A column's number; NULL where there is none."""
        return f"TRY_CAST({self.text(column)} AS {sql_type})"

    def value(self, attribute: Attribute) -> str:
        """What an attribute's column says."""
        return self.text(attribute.source) if attribute.kind == "id" else self.number(attribute.source)

    def no_number(self, column: str) -> tuple[str, str]:
        """`(condition, reason)` of a number that can't be used: it must be finite; NaN means that it is missing."""
        number = self.number(column)
        good = f"coalesce({number} < 'inf' AND {number} > '-inf' OR isnan({number}), false)"
        return f"{self.text(column)} IS NOT NULL AND NOT {good}", literal(f"{column} is not a number")

    def moment(self, column: str, time_of_day: str | None = None) -> str:
        """Seconds since 1970."""
        text = self.text(column)
        if self.config.time_format:
            zone = literal(self.config.time_zone)
            return f"epoch(timezone({zone}, try_strptime({text}, {literal(self.config.time_format)})))"
        number = f"TRY_CAST({text} AS DOUBLE) / {_UNITS[self.config.time_unit]}"
        # Without a zone of its own a time is of the connection's.
        moment = f"coalesce({number}, epoch(TRY_CAST({text} AS TIMESTAMPTZ)))"
        return f"({moment} + coalesce({self.number(time_of_day, 'DOUBLE')} / 1000, 0))" if time_of_day else moment

    def check(self, needed: Mapping[str, str]) -> None:
        """That the file has the columns `{what for: name}`.

        Raises:
            EventLogError: it lacks one.
        """
        for meaning, column in needed.items():
            if column not in self.source.columns:
                values = self.source.is_text and self.source.how.header and _look_like_values(self.source.columns)
                hint = ("; its first line looks like values: say `files: {header: false, names: […]}`" if values
                        else nearest(column, self.source.columns))
                raise EventLogError(f"{self.source.name}: no column {column!r} (for {meaning}){hint}")


def texts(values: tuple[str, ...]) -> str:
    """A list of texts in SQL."""
    return f"({', '.join(map(literal, dict.fromkeys(values)))})"


def _look_like_values(header: list[str]) -> bool:
    """Names of columns are no numbers."""
    return any(name.replace(".", "").replace("-", "").isdigit() for name in header)
