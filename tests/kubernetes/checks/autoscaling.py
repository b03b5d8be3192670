"""More load brings more pods, and they get a part of it."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.checks.context import Context, require
from tests.kubernetes.fleet import MOST, NAME
from tests.kubernetes.kubectl import get, wait
from tests.kubernetes.pods import answered, name, ready

_RATES = (20.0, 30.0, 40.0, 60.0, 80.0)
_SECONDS = 90.0  # at each rate; metrics come every 15 seconds, and the autoscaler looks every 15 seconds


def scaled(context: Context, usual: float) -> dict[str, Any]:
    """Raises the rate until the autoscaler adds pods; it has their CPU alone, as nothing gives it the servers' own metrics.

    Args:
        context: of the check.
        usual: rate to which the load goes back.
    """
    # Pods that start use much, and the autoscaler may have answered that.
    wait("the autoscaler is at rest at the usual rate", _at_rest, 1200.0)
    before = {name(pod) for pod in ready()}
    require(len(before) < MOST, f"there are {len(before)} pods already, and no more may come")
    for rate in _RATES:
        context.load.at(rate)
        try:
            wait("the autoscaler wants more pods",
                 lambda: get("horizontalpodautoscaler", NAME)["status"].get("desiredReplicas", 0) > len(before), _SECONDS)
            break
        except TimeoutError:
            continue
    status = get("horizontalpodautoscaler", NAME)["status"]
    require(status["desiredReplicas"] > len(before), f"no pods were added at {rate:g} calls a second: {status}")
    took = wait("a new pod is ready", lambda: len({name(pod) for pod in ready()} - before) > 0)
    new = next(pod for pod in ready() if name(pod) not in before)
    context.load.at(usual)
    wait("the new pod has calls", lambda: answered(new) >= 20)
    wait("all pods that were asked for are ready", lambda: len(ready()) >= status["desiredReplicas"])
    return {"rate": rate, "pods_before": len(before), "pods_after": len(ready()), "new_pod_ready_after_s": round(took, 1)}


def _at_rest() -> bool:
    """Whether there are as many pods as it wants, and they use less than would make it want more."""
    found = get("horizontalpodautoscaler", NAME)
    target = [one["resource"]["target"] for one in found["spec"]["metrics"] if one["type"] == "Resource"]
    used = [one["resource"]["current"] for one in found["status"].get("currentMetrics") or () if one["type"] == "Resource"]
    return (bool(used) and used[0]["averageUtilization"] <= target[0]["averageUtilization"]
            and found["status"]["desiredReplicas"] == len(ready()))
