"""What the columns of a file look like."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.data.guess.cells import Cells, cells_of
from zoo.data.guess.sniff import is_number
from zoo.data.guess.times import TimeForm, time_form
from zoo.data.importer.files_config import MISSING

_TRUTHS = ({"0", "1"}, {"true", "false"}, {"t", "f"}, {"yes", "no"})
_EXAMPLES = 2_000


@dataclass
class Column:
    """A column of the first rows of a file.

    Args:
        name: in the file, or one that was made where it has none.
        named: whether the file says its name.
        values: one a row: a text, a list of texts, or None where it is missing.
        nested: whether there is more in a cell than texts and lists of them.
    """

    name: str
    named: bool
    values: list[Any]
    nested: bool = False

    @cached_property
    def known(self) -> list[Any]:
        """Those that are not missing."""
        return [value for value in self.values if value is not None]

    @cached_property
    def is_list(self) -> bool:
        """Whether cells are lists."""
        return any(isinstance(value, list) for value in self.values)

    @cached_property
    def counts(self) -> collections.Counter[str]:
        """How often each text stands there; of lists, each of their values."""
        return collections.Counter(self.flat())

    def flat(self) -> Iterable[str]:
        """The texts, those of lists one by one."""
        return (text for value in self.known for text in (value if isinstance(value, list) else [value]))

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @property
    def missing(self) -> float:
        """Share of rows without a value."""
        return 1 - len(self.known) / len(self.values) if self.values else 1.0

    @cached_property
    def numeric(self) -> bool:
        """Whether all are numbers."""
        return bool(self.counts) and all(map(is_number, self.counts))

    @cached_property
    def whole(self) -> bool:
        """Whether all are whole numbers."""
        return self.numeric and all(text.lstrip("+-").isdigit() for text in self.counts)

    @cached_property
    def truth(self) -> bool:
        """Whether all are 0 or 1, or words for them; and both are there, or the one that says no."""
        found = {text.lower().removesuffix(".0") for text in self.counts}
        return not self.is_list and bool(found) and any(found <= pair for pair in _TRUTHS) and found != {"1"}

    @cached_property
    def time(self) -> TimeForm | None:
        """How its times are written, None where they are none."""
        return None if self.is_list else time_form(self._examples())

    @cached_property
    def cells(self) -> Cells | None:
        """How several values stand in its texts, None where one does."""
        return None if self.is_list or self.nested else cells_of(self._examples())

    def numbers(self) -> list[float]:
        """The different numbers, rising."""
        return sorted(map(float, self.counts)) if self.numeric else []

    def scaling(self) -> dict[str, str]:
        """How a price is normalised: by its logarithm, unless some are below 0."""
        return {"transform": "log_zscore"} if self.numbers()[0] >= 0 else {}

    def _examples(self) -> list[str]:
        step = max(1, len(self.known) // _EXAMPLES)
        return [value for value in self.known[::step] if isinstance(value, str)]


def text_of(value: Any) -> Any:
    """A cell as the import reads it: a trimmed text, a list of texts, None where it is missing."""
    if isinstance(value, (list, tuple)):
        return [text_of(one) or "" for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, bool):
        value = str(value).lower()
    text = "" if value is None else str(value).strip()
    return None if text in MISSING else text


def determines(one: Column, other: Column) -> bool:
    """Whether each value of a column stands with one value of the other alone, often enough to be no accident."""
    if one.is_list or other.is_list or other.distinct < 2:
        return False
    pairs = {(a, b) for a, b in zip(one.values, other.values, strict=True) if a is not None and b is not None}
    seen = {a for a, _ in pairs}
    rows = sum(1 for a, b in zip(one.values, other.values, strict=True) if a is not None and b is not None)
    return bool(seen) and len(pairs) <= 1.02 * len(seen) and rows >= 1.5 * len(seen)
