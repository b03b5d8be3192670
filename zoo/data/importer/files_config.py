"""How the files of a log are written."""

from __future__ import annotations

import re
from typing import Literal

import pydantic

from zoo.config import Config
from zoo.data.importer.values import Values

# What stands for a value that is missing, as Hive, MySQL, Spark and pandas write it.
MISSING = ("", "\\N", "NULL", "null", "NA", "N/A", "NaN", "nan", "None", "<NA>")

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)", re.DOTALL)


class Files(Config):
    """How the files are written; most of it is seen by itself.

    Args:
        header: whether the first line of a text file names the columns.
        names: of the columns, where no line names them; `step_1..step_50` stands for fifty of them.
        delimiter: between fields, up to four characters; seen by itself where it is `,`, `;`, `|` or a tab.
        quote: around fields; "" for none.
        line_breaks: whether a field in quotes may hold line breaks. Where it may not, a quote that is never closed swallows
            no row.
        encoding: `utf-8`, `utf-16` or `latin-1`.
        missing: texts that stand for a value that is missing.
        constants: columns that some files do not have, with one value for all of their rows, by the files' name or a pattern of
            it: `{negative.csv: {event: shown}}`; null is a missing value.
        explode: columns of lists (JSON, Parquet) of which each element is a row of its own. Where elements, or other values,
            have parts, these are columns that are called `column.part`.
    """

    header: bool = True
    names: tuple[str, ...] | None = None
    delimiter: str | None = pydantic.Field(default=None, min_length=1, max_length=4)
    quote: str = pydantic.Field(default='"', max_length=1)
    line_breaks: bool = False
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    missing: tuple[str, ...] = MISSING
    constants: dict[str, dict[str, str | None]] = {}
    explode: Values = ()

    @pydantic.field_validator("names")
    @classmethod
    def _one_by_one(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if names is None else tuple(one for name in names for one in numbered(name))

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Files:
        if self.header and self.names:
            raise ValueError("`names` is for files without a header; say `header: false`, or leave the names away")
        if not self.header and not self.names:
            raise ValueError("a file without a header needs `names` for its columns, in their order")
        return self


def numbered(name: str) -> tuple[str, ...]:
    """The columns that a name stands for: itself, or those of a range of numbers.

    Example:
        >>> numbered("item"), numbered("step_08..step_10"), numbered("t3_cate..t1_cate")
        (('item',), ('step_08', 'step_09', 'step_10'), ('t3_cate', 't2_cate', 't1_cate'))
    """
    first, mark, last = name.partition("..")
    begin, end = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)
    if not mark or begin is None or end is None or begin["before"] != end["before"] or begin["after"] != end["after"]:
        return (name,)
    low, high = int(begin["number"]), int(end["number"])
    width = len(begin["number"]) if begin["number"].startswith("0") else 0
    step = 1 if high >= low else -1
    return tuple(f"{begin['before']}{number:0{width}d}{begin['after']}" for number in range(low, high + step, step))
