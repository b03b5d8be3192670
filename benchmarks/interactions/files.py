"""The files of a public log, plain or gzipped, line by line, with errors that name the line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path


class InteractionsError(ValueError):
    """A log of interactions that can't be used; the message says where, what is wrong and what to do."""


def find(folder: str | Path, name: str) -> Path:
    """The file `name` or `name.gz` of a folder.

    Raises:
        InteractionsError: there is neither.
    """
    folder = Path(folder)
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InteractionsError(f"{folder / name}: no such file, nor {name}.gz; give the folder that holds the log as published")


def read_rows(folder: str | Path, name: str, columns: str, separator: str | None,
              header: bool) -> Iterator[tuple[str, list[str]]]:
    """The rows of a file with a fixed number of columns.

    Args:
        folder: of the log.
        name: of the file, without .gz.
        columns: names of the columns, divided by spaces.
        separator: between the fields; None for any white space.
        header: whether the first line must name the columns.

    Yields:
        `(place, fields)`: the place is for messages.

    Raises:
        InteractionsError: the file is absent, can't be read, or a row has not these columns or an empty field.
    """
    names = columns.split()
    for number, (place, line) in enumerate(read_lines(folder, name)):
        fields = [field.strip() for field in line.split(separator)]
        if header and number == 0:
            if fields != names:
                raise InteractionsError(f"{place}: expected the header {(separator or ' ').join(names)!r}, got {line!r}")
            continue
        if len(fields) != len(names) or not all(fields):
            raise InteractionsError(f"{place}: expected {', '.join(names)}, got {line!r}; mend or remove the line")
        yield place, fields


def read_lines(folder: str | Path, name: str) -> Iterator[tuple[str, str]]:
    """`(place, line)` of each line of a file that is not blank.

    Raises:
        InteractionsError: the file is absent, empty, not UTF-8, or not gzip though it says so.
    """
    path, number, found = find(folder, name), 0, False
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    found = True
                    yield f"{path}, line {number}", line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InteractionsError(f"{path}, after line {number}: the file can not be read ({error}); fetch it anew") from None
    if not found:
        raise InteractionsError(f"{path}: the file is empty; fetch it anew")


def whole_number(text: str, place: str, what: str) -> int:
    """A number of digits alone.

    Raises:
        InteractionsError: it is something else.
    """
    if not (text.isascii() and text.isdigit()):
        raise InteractionsError(f"{place}: {what} is {text!r}; expected a whole number, 0 or above")
    return int(text)
