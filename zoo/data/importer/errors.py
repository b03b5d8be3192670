"""What can go wrong with a log."""

from __future__ import annotations


class EventLogError(ValueError):
    """An event log that can't be imported; the message says which file, what is wrong and what to do."""


class ImportMemoryError(ValueError):
    """An import whose rows can't be sorted within the memory that it was given; the log is not to blame."""
