"""The cells of a file as SQL: texts, numbers and times, however they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from zoo.config import nearest
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.fields import Attribute
from zoo.data.importer.sources import EventLogError, Source, literal, quote
from zoo.data.importer.sql import moment_of, text_of


class Cells:
    """Expressions over a file's columns; `relation` has those that are asked for again and again as columns of their own.

    Args:
        source: the file.
        config: says how times are written.
        ids: its columns of ids.

    Attributes:
        floats: of the columns of ids that are written as floats (`123.0`, all of them), how many values there are: pandas makes
            floats of whole numbers as soon as one is missing. They are whole again.
    """

    def __init__(self, source: Source, config: ImportConfig, ids: Iterable[str | None]):
        self.source, self.config = source, config
        self.floats: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._moments: dict[str, str] = {}
        if source.is_text:
            self.floats = self._written_as_floats([name for name in dict.fromkeys(ids) if name in source.columns])

    def _written_as_floats(self, columns: Sequence[str]) -> dict[str, int]:
        texts = [self._text(name) for name in columns]
        asked = ", ".join(f"coalesce(bool_and(regexp_full_match({text}, '[0-9]{{1,15}}\\.0')), false), count({text})"
                          for text in texts)
        found = self.source.db.execute(f"SELECT {asked} FROM {self.source.relation}").fetchall()[0] if texts else ()
        return {name: found[2 * place + 1] for place, name in enumerate(columns) if found[2 * place]}

    def text(self, column: str | None) -> str:
        """A column's trimmed text; NULL where it is missing or the file has no such column."""
        if column is None or column not in self.source.columns:
            return "NULL"
        return self._texts.setdefault(self._text(column), quote(f"_zoo_text_{len(self._texts)}"))

    def _text(self, column: str) -> str:
        text = text_of(quote(column), self.source.types[column], self.source.how.missing)
        return f"regexp_replace({text}, '\\.0$', '')" if column in self.floats else text

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
        moment = moment_of(self.text(column), self.config, self.number(time_of_day, "DOUBLE") if time_of_day else None)
        return self._moments.setdefault(moment, quote(f"_zoo_moment_{len(self._moments)}"))

    def relation(self) -> str:
        """SQL of the rows, with the texts and moments that were asked for before: DuckDB reckons each as often as it stands
        in a query."""
        texts, moments = ("".join(f", {value} AS {name}" for value, name in made.items())
                          for made in (self._texts, self._moments))
        return f"(SELECT *{moments} FROM (SELECT *{texts} FROM {self.source.relation}))"

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


def _look_like_values(header: list[str]) -> bool:
    """Names of columns are no numbers."""
    return any(name.replace(".", "").replace("-", "").isdigit() for name in header)
