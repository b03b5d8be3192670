"""Full and read-only folders, as one message that names them, whichever stage or library met them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.files import FileError, refused

# Beam wraps errors, and ML Metadata says what SQLite said.
_TEXTS = {os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)} | {
    "database or disk is full": errno.ENOSPC, "attempt to write a readonly database": errno.EROFS}


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turns an error that says that a device is full, or read-only, into one sentence.

    Args:
        folder: what the block writes to.

    Raises:
        FileError: instead of any error that says so, or was raised because of one that does.
    """
    try:
        yield
    except Exception as error:
        why = _why(error, folder)
        if why is None:
            raise
        raise FileError(why) from error


def _why(error: BaseException | None, folder: Path) -> str | None:
    """What is wrong with which folder, from the innermost error that says so."""
    if error is None:
        return None
    deeper = _why(error.__cause__ or error.__context__, folder)
    if deeper:
        return deeper
    if isinstance(error, OSError) and error.filename:
        place = str(error.filename)
        # A file elsewhere that may not be read is another matter.
        if error.errno in (errno.EACCES, errno.EPERM) and not place.startswith(str(folder)):
            return None
        return (words := refused(error)) and f"{place}: {words}"
    number = next((number for text, number in _TEXTS.items() if text in str(error)), None)
    words = refused(error) or (refused(OSError(number, "")) if number else None)
    return words and f"{folder}: {words}"
