"""What the proof saw, in words: the rows of the table in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# By check: what was done, and what came of it.
_WORDS = {
    "strict": ("a manifest with a misspelt field is applied", "refused, with the field's name"),
    "readiness": ("of two models the second can't be read", "servers run, and no pod is ready for {patience_s:g} s; all are "
                  "ready {ready_after_s} s after a good version was pushed"),
    "balance": ("nothing", "calls by pod in 20 s: {calls_by_pod}"),
    "push": ("a new version of a model is pushed, becomes the canary, then stable", "versions that answered: {versions_count}"),
    "image": ("the server's image is another one", "{pods_replaced} pods replaced, one by one"),
    "kill": ("a server gets SIGKILL", "ready again after {ready_again_after_s} s"),
    "budget": ("two pods are evicted at once", "the second eviction is refused by the disruption budget"),
    "drain": ("a node is drained", "its pods come up on the other; never fewer than {fewest_ready} ready"),
    "canary": ("a canary whose scores are all high", "taken back by `zoo fleet watch`: {reason}"),
    "autoscaler": ("load up to {rate:g} calls a second", "{pods_before} pods become {pods_after}, and the new ones get calls"),
    "balance_again": ("nothing", "calls by pod in 20 s: {calls_by_pod}"),
    "gpus": ("{planned} replicas with a GPU each, on {nodes} nodes that are descriptions", "all planned after "
             "{planned_after_s} s, {gpus_a_node} on each node"),
}


def rows(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of some checks, in their order.

    Args:
        found: by check, what it saw.
    """
    result: list[dict[str, Any]] = []
    for name, seen in found.items():
        done, outcome = (words.format(**seen, versions_count=len(seen.get("versions", ()))) for words in _WORDS[name])
        result.append({"check": name, "done": done, "outcome": outcome, **{key: seen.get(key) for key in ("calls", "failed")}})
    return result
