"""The database that an import checks and sorts its rows in: on disk, within some memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import duckdb

from zoo import files
from zoo.data.importer.errors import ImportMemoryError
from zoo.data.importer.sources import literal
from zoo.machine import cores, memory_mib

# Twenty million events are sorted within it by two threads (docs/data.md); what is larger goes to disk more often.
_ENOUGH_MIB, _LEAST_MIB = 256, 96
# What a thread of DuckDB needs to sort on disk.
_THREAD_MIB = 128


def default_memory_mib() -> int:
    """What a database may use where nobody says it: a quarter of what the machine or the container has, 256 MiB at most."""
    return max(_LEAST_MIB, min(_ENOUGH_MIB, memory_mib() // 4))


def connected(folder: str, memory: int, time_zone: str) -> duckdb.DuckDBPyConnection:
    """A new database.

    Args:
        folder: for it and what it spills.
        memory: in MiB that it may use; more lets it use more cores.
        time_zone: of times that say none.
    """
    db = duckdb.connect(os.path.join(folder, "import.duckdb"))
    threads = max(1, min(cores(), memory // _THREAD_MIB))
    db.execute(f"SET TimeZone={literal(time_zone)}; SET memory_limit='{memory}MiB'; SET threads={threads}; "
               f"SET enable_progress_bar=false; SET temp_directory={literal(os.path.join(folder, 'spill'))}")
    return db


@contextlib.contextmanager
def sorting(folder: str, memory: int) -> Iterator[None]:
    """Says of a database that ran out of its memory what it is and what to do.

    Args:
        folder: that holds the database.
        memory: in MiB that it was given.

    Raises:
        ImportMemoryError: in place of the database's own error.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        if files.refused(error):
            raise  # it is the disk that is full
        raise ImportMemoryError(
            f"{folder}: the rows can not be sorted there within {memory} MiB of memory; allow more with --memory "
            f"{4 * memory} (`memory_mib` in Python), or divide the log into files of fewer rows: "
            f"{' '.join(str(error).split(chr(10))[0].split())[:200]}") from None
