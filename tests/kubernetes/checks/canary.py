"""A worse canary is taken back by itself."""

from __future__ import annotations

from typing import Any

import yaml

from serving.fleet.rollout.state import read_state
from tests.kubernetes.checks.context import Context, require
from tests.kubernetes.commands import on_servers, zoo
from tests.kubernetes.load import METRICS_PORT
from zoo.versions import versions_in


def taken_back(context: Context) -> dict[str, Any]:
    """A version whose scores are all high is promoted to canary; the watch takes it back, and it has no calls any more."""
    zoo("push", str(context.made / "worse"), "--to", str(context.models / "din"))
    bad = versions_in(context.models / "din")[-1]
    on_servers("promote", str(context.state), "din", "--label", "canary")
    bounds = context.work / "bounds.yaml"
    # On a machine where all pods share two CPUs latency says nothing of a version.
    bounds.write_text(yaml.safe_dump({"min_calls": 60, "latency_ratio": 100}))
    said = on_servers("watch", str(context.state), "din", "--metrics", f"http://127.0.0.1:{METRICS_PORT}/metrics",
                      "--every", "5", "--for", "600", "--bounds", str(bounds), expected=1)
    labels = read_state(context.state).model("din").labels
    require(bad not in labels.values(), f"a label still points to version {bad}")
    on_servers("status", str(context.state))
    return {"rolled_back": bad, "reason": said.strip().splitlines()[-2].partition("stable ")[2].partition(": ")[2]}
