"""Where the public logs are that tests may read; they are not part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder of a public log; skips the test where it is absent."""
    path = SHARED / name
    if not path.is_dir():
        pytest.skip(f"the public log {name!r} is not beside this checkout ({SHARED})")
    return path
