"""Full and read-only folders, as one message that names them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

_WORDS = {
    errno.ENOSPC: "there is no room left",
    errno.EDQUOT: "the quota is used up",
    errno.EROFS: "it is read-only",
    errno.EACCES: "it may not be written to",
}
# Beam, TensorFlow and SQLite say it in texts of their own.
_TEXTS = {os.strerror(number): words for number, words in _WORDS.items() if number != errno.EACCES}
_TEXTS |= {"database or disk is full": _WORDS[errno.ENOSPC], "attempt to write a readonly database": _WORDS[errno.EROFS]}


class StorageError(ValueError):
    """A folder that can't be written to; the message names it and says why."""


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turns an error that says that a device is full, or read-only, into one sentence.

    Args:
        folder: what the block writes to.

    Raises:
        StorageError: instead of any such error, whoever raised it.
    """
    try:
        yield
    except Exception as error:
        found = _found(error, folder)
        if found is None:
            raise
        raise StorageError(f"{found[0]}: {found[1]}; make room, or choose another folder") from error


def _found(error: BaseException | None, folder: Path) -> tuple[str, str] | None:
    """The folder and what is wrong with it, from the innermost error that says so."""
    if error is None:
        return None
    deeper = _found(error.__cause__ or error.__context__, folder)
    if deeper:
        return deeper
    if isinstance(error, OSError) and error.errno in _WORDS:
        place = str(error.filename or folder)
        # Somebody else's file that may not be read is another matter.
        if error.errno != errno.EACCES or place.startswith(str(folder)):
            return place, _WORDS[error.errno]
    return next(((str(folder), words) for text, words in _TEXTS.items() if text in str(error)), None)
