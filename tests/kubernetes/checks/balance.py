"""Calls are spread over all pods."""

from __future__ import annotations

import time
from typing import Any

from tests.kubernetes.checks.context import Context, require
from tests.kubernetes.pods import answered, name, ready

_SECONDS = 20.0


def balanced(context: Context) -> dict[str, Any]:
    """Counts the calls of each pod for a while: the one with fewest has at least half of what the one with most has."""
    before = {name(pod): answered(pod) for pod in ready()}
    time.sleep(_SECONDS)
    counts = [int(answered(pod) - before[name(pod)]) for pod in ready()]
    require(2 * min(counts) >= max(counts) > 0, f"calls by pod: {counts}")
    return {"calls_by_pod": counts}
