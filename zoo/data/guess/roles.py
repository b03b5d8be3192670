"""The columns of a file by what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zoo.data.guess.look import Column
from zoo.data.guess.names import likeness


@dataclass
class Roles:
    """The columns by what they mean.

    Args:
        columns: of the file.
        why: by column, what it was taken for and why.
        labels: binary columns that say what came of an impression.
        stays: numbers that say how much came of it (play time).
        complements: by column, the label that it is the opposite of.
        sequences: columns with a list or a text of several values.
        page: the column with all candidates of a request.
        others: what no meaning was found for.
    """

    columns: Sequence[Column]
    why: dict[str, str] = field(default_factory=dict)
    time: Column | None = None
    time_of_day: Column | None = None
    event: Column | None = None
    rating: Column | None = None
    session: Column | None = None
    request: Column | None = None
    user: Column | None = None
    item: Column | None = None
    category: Column | None = None
    brand: Column | None = None
    shop: Column | None = None
    price: Column | None = None
    position: Column | None = None
    weight: Column | None = None
    split: Column | None = None
    page: Column | None = None
    labels: list[Column] = field(default_factory=list)
    stays: list[Column] = field(default_factory=list)
    sequences: list[Column] = field(default_factory=list)
    others: list[Column] = field(default_factory=list)

    def free(self) -> list[Column]:
        """Columns that nothing was said of yet."""
        return [column for column in self.columns if column.name not in self.why]

    def take(self, column: Column, why: str) -> Column:
        """Says what a column is."""
        self.why[column.name] = why
        return column

    def named(self, meaning: str, fits: Callable[[Column], bool] = lambda column: True) -> Column | None:
        """The free column whose name says a meaning best, of those that fit."""
        found = [column for column in self.free() if column.named and likeness(column.name, meaning) and fits(column)]
        return max(found, key=lambda column: likeness(column.name, meaning), default=None)
