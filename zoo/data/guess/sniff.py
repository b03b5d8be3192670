"""How a text file is written: encoding, what stands between its fields, and whether its first line names the columns."""

from __future__ import annotations

import codecs
import collections
import csv
import re
from typing import NamedTuple

from zoo.data.guess.times import time_form
from zoo.data.importer.sources import unpacked

_BYTES, _LINES = 1 << 18, 200
# Those that never stand inside of a value come first.
DELIMITERS = ("\x01", "::", "\t", ",", ";", "|")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Written(NamedTuple):
    """How a text file is written.

    Args:
        encoding: `utf-8`, `utf-16` or `latin-1`.
        delimiter: between fields.
        header: whether the first line names the columns.
        width: number of columns.
        why: of the header.
    """

    encoding: str
    delimiter: str
    header: bool
    width: int
    why: str


def sniff(path: str) -> Written | None:
    """Looks at the first lines of a text file, packed or not; None for one without a line."""
    start = _start(path)
    encoding = _encoding(start)
    text = start.decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = [line for line in text.splitlines()[:_LINES] if line.strip()]
    # The last one may be cut off.
    lines = lines[:-1] if len(lines) > 1 and len(start) == _BYTES else lines
    if not lines:
        return None
    delimiter = max(DELIMITERS, key=lambda mark: _evenness(lines, mark))
    rows = [fields(line, delimiter) for line in lines]
    header, why = _header(rows)
    return Written(encoding, delimiter, header, len(rows[0]), why)


def fields(line: str, delimiter: str) -> list[str]:
    """The fields of a line, without quotes."""
    if len(delimiter) > 1:
        return [field.strip().strip('"') for field in line.split(delimiter)]
    return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    return bool(_NUMBER.fullmatch(text))


def _start(path: str) -> bytes:
    with unpacked(path) as file:
        return file.read(_BYTES)


def _encoding(start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # A character may be cut off at the end.
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _evenness(lines: list[str], delimiter: str) -> tuple[bool, float]:
    """Whether nearly all lines have the same number of fields, above one; and what share of them."""
    count = collections.Counter(len(fields(line, delimiter)) for line in lines)
    most, times = count.most_common(1)[0]
    return most > 1, times / len(lines) + min(most, 9) / 1_000


def _header(rows: list[list[str]]) -> tuple[bool, str]:
    first, others = rows[0], rows[1:]
    for field in first:
        if is_number(field) or time_form([field]):
            return False, f"the first line has {field!r}, which is a value and no name"
    if not all(first) or len(set(first)) < len(first):
        return False, "the first line has an empty or a repeated field"
    columns = list(zip(*(row for row in others if len(row) == len(first)), strict=True))
    for name, column in zip(first, columns, strict=False):
        known = [value for value in column if value]
        if known and (all(map(is_number, known)) or time_form(known)):
            return True, f"below {name!r} stand numbers or times"
    again = any(name in column for name, column in zip(first, columns, strict=False))
    return not again, "what stands in the first line stands below, too" if again else "the first line stands nowhere else"
