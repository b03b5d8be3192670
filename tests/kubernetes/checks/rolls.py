"""A model and an image are replaced under load."""

from __future__ import annotations

from typing import Any

from tests.kubernetes import fleet
from tests.kubernetes.checks.context import Context, require
from tests.kubernetes.commands import on_servers, zoo
from tests.kubernetes.images import NEWER_SERVER
from tests.kubernetes.kubectl import kubectl, wait
from tests.kubernetes.pods import name, ready, status_of
from zoo.versions import versions_in


def push_rolls(context: Context) -> dict[str, Any]:
    """A version is pushed, becomes the canary and then stable; in the end it answers all calls."""
    zoo("push", str(context.made / "newer"), "--to", str(context.models / "din"))
    version = versions_in(context.models / "din")[-1]
    on_servers("promote", str(context.state), "din", "--label", "canary")
    wait("the canary has calls", lambda: version in {call.get("version") for call in context.load.calls()})
    on_servers("promote", str(context.state), "din")
    wait("the old version has no calls", lambda: {call.get("version") for call in context.load.calls()[-20:]} == {version})
    return {}


def image_rolls(context: Context) -> dict[str, Any]:
    """The servers' image changes: every pod is replaced."""
    before = {name(pod) for pod in ready()}
    fleet.apply(fleet.render(fleet.NEWER, context.work))
    kubectl("rollout", "status", f"deployment/{fleet.NAME}", "--timeout=1200s")
    after = ready()
    require(not before & {name(pod) for pod in after}, "a pod of the old image is left")
    # Which begin with what the state file says, and know nothing of the version that could not be read.
    on_servers("status", str(context.state))
    require({status_of(pod)["image"] for pod in after} == {NEWER_SERVER}, "a pod has the old image")
    return {"pods_replaced": len(before)}
