"""Where the request log lies that a run made of raw files."""

from __future__ import annotations

from zoo import files


def imported_log(examples: str) -> str:
    """Where the request log lies in the artifact of the examples that were made with it."""
    return files.join(examples, "log")
