"""The proof itself, inside the cluster's namespaces: brings the fleet up, and does to it all that happens to a fleet.

    python -m tests.kubernetes.scenario WORK PKI [CHECK …]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.fleet.rollout.state import read_state
from tests.kubernetes import fleet, load
from tests.kubernetes.checks import autoscaling, balance, canary, gpus, losses, readiness, rolls
from tests.kubernetes.checks.context import Context, require, under_load
from tests.kubernetes.commands import on_servers, zoo
from tests.kubernetes.kubectl import FailedError, create, kubectl, wait
from tests.kubernetes.metrics import metrics_api
from tests.kubernetes.pods import ready
from tests.kubernetes.report import rows

SERVERS = fleet.DESCRIPTION["replicas"]["min"]
RATE = 5.0
# By name, in their order; each begins with what the one before left.
UNDER_LOAD: Mapping[str, Callable[[Context], dict[str, Any]]] = {
    "balance": balance.balanced,
    "push": rolls.push_rolls,
    "image": rolls.image_rolls,
    "kill": losses.killed,
    "budget": losses.budget,
    "drain": losses.drained,
    "canary": canary.taken_back,
    "autoscaler": lambda one: autoscaling.scaled(one, RATE),
    "balance_again": balance.balanced,
}


def main() -> None:
    """Prints a line for each check, and at last the figures that the target promises."""
    work, pki = map(Path, sys.argv[1:3])
    wanted = sys.argv[3:] or [*UNDER_LOAD, "gpus"]
    made, store = work / "made", work / "store"
    found: dict[str, dict[str, Any]] = {}

    def shown(name: str, check: Callable[[], dict[str, Any]]) -> None:
        started = time.monotonic()
        found[name] = check()
        print(f"{name:<12} {time.monotonic() - started:6.1f} s  {json.dumps(found[name])}", flush=True)
        (work / "found.json").write_text(json.dumps({"checks": rows(found), "seen": found}, indent=1) + "\n", encoding="utf-8")

    shown("strict", refused_when_misspelt)
    shown("readiness", lambda: come_up(work, made, store))
    with load.running(fleet.TARGET, store, work / "calls.jsonl", RATE) as running:
        context = Context(work, made, store, store / "rollout.yaml", running)
        for name in UNDER_LOAD:
            if name in wanted:
                shown(name, lambda check=UNDER_LOAD[name]: under_load(context, check))
        pods = len(ready())
    calls = running.calls()
    if "gpus" in wanted:
        shown("gpus", lambda: gpus.planned(work, pki))
    failed = sum("error" in call for call in calls)
    print(json.dumps({"pods": pods, "calls": len(calls), "failed": failed, "rolled_back": "canary" in found}))


def refused_when_misspelt() -> dict[str, Any]:
    """Kubernetes itself refuses a field that it does not know."""
    kubectl_said = ""
    try:
        create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"portz": []}}, namespace="default")
    except FailedError as error:
        kubectl_said = str(error)
    require("portz" in kubectl_said, f"a misspelt field was taken: {kubectl_said}")
    return {"refused": kubectl_said.rpartition("error: ")[2][:120]}


def come_up(work: Path, made: Path, store: Path) -> dict[str, Any]:
    """Follows the runbook's steps to deploy."""
    zoo("push", str(made / "din"), "--to", str(store / "din"))
    state = store / "rollout.yaml"
    state.write_text("models:\n" + "".join(
        f"  {name}: {{base_path: /models/{name}, source: {store / name}}}\n" for name in fleet.DESCRIPTION["models"]))
    fleet.claim(store)
    metrics_api()
    fleet.apply(fleet.render(fleet.DESCRIPTION, work))
    seen = readiness.ready_when_all_answer(store, made / "lr", SERVERS)
    for label in ("stable", "canary"):
        on_servers("promote", str(state), "din", "--label", label)
    require(set(read_state(state).model("din").labels) == {"stable", "canary"}, "labels are not in the state file")
    kubectl("rollout", "status", f"deployment/{fleet.NAME}", "--timeout=600s")
    wait("the budget lets a pod go", lambda: "1" == kubectl(
        "get", "poddisruptionbudget", fleet.NAME, "--output=jsonpath={.status.disruptionsAllowed}"))
    return seen


if __name__ == "__main__":
    main()
