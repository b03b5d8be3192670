"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

NAME = "run.lock"


class RootInUseError(ValueError):
    """Another run works in the folder; the message says which."""


@contextlib.contextmanager
def only_run(folder: Path, wait: bool = False) -> Iterator[None]:
    """Holds the folder's lock while the block runs; the lock dies with its process, however that ends.

    Two runs at once would take each other's artifacts: what a stage made last is found in ML Metadata.

    Args:
        folder: is made if there is none.
        wait: until another process that holds the lock lets it go, after a line that says so.

    Raises:
        RootInUseError: another process holds the lock, and this one is not to wait.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / NAME, "a+", encoding="utf-8") as file:
        try:
            # Of the process, where flock's would live on in its forked children.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            file.seek(0)
            other = f"another run works in {folder} ({file.read().strip() or 'just begun'})"
            if not wait:
                raise RootInUseError(f"{other}; wait until it ends, or choose another root") from None
            print(f"{other}; waiting until it ends", flush=True)
            fcntl.lockf(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.datetime.now():%Y-%m-%d %H:%M:%S}\n")
        file.flush()
        yield
