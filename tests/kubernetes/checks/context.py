"""What every check has at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubernetes.load import Load

# After a change, before the next one: what may have gone wrong has time to show.
_AFTER_S = 10.0


@dataclass(frozen=True)
class Context:
    """Of a check under load.

    Args:
        work: folder for files.
        made: the models that are pushed.
        models: the store, which pods see as `/source`.
        state: the rollout's state file.
        load: calls that are being sent.
    """

    work: Path
    made: Path
    models: Path
    state: Path
    load: Load


class CheckError(AssertionError):
    """The fleet did not do what it should."""


def require(holds: bool, what: str) -> None:
    """Fails a check where something does not hold."""
    if not holds:
        raise CheckError(what)


def under_load(context: Context, check: Callable[[Context], dict[str, Any]]) -> dict[str, Any]:
    """Runs a check, and adds what callers saw meanwhile.

    Raises:
        CheckError: a call failed, or the check did.
    """
    since = time.time()
    found = check(context)
    time.sleep(_AFTER_S)
    until = time.time()
    seen = context.load.seen(since, until)
    for call in context.load.calls(since, until):
        require("error" not in call, f"{check.__module__}: a call failed: {call.get('error')}")
    require(seen["calls"] > 0, f"{check.__module__}: no call was sent")
    return found | seen
