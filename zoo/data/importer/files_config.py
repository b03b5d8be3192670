"""How the files of a log are written."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config

# What stands for a value that is missing, as Hive, MySQL, Spark and pandas write it.
MISSING = ("", "\\N", "NULL", "null", "NA", "N/A", "NaN", "nan", "None", "<NA>")


class Files(Config):
    """How the files are written; most of it is seen by itself.

    Args:
        header: whether the first line of a text file names the columns.
        names: of the columns, where no line names them.
        delimiter: between fields, up to four characters; seen by itself where it is `,`, `;`, `|` or a tab.
        quote: around fields; "" for none.
        line_breaks: whether a field in quotes may hold line breaks. Where it may not, a quote that is never closed swallows
            no row.
        encoding: `utf-8`, `utf-16` or `latin-1`.
        missing: texts that stand for a value that is missing.
    """

    header: bool = True
    names: tuple[str, ...] | None = None
    delimiter: str | None = pydantic.Field(default=None, min_length=1, max_length=4)
    quote: str = pydantic.Field(default='"', max_length=1)
    line_breaks: bool = False
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    missing: tuple[str, ...] = MISSING

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Files:
        if self.header and self.names:
            raise ValueError("`names` is for files without a header; say `header: false`, or leave the names away")
        if not self.header and not self.names:
            raise ValueError("a file without a header needs `names` for its columns, in their order")
        return self
