"""More load brings more pods, and they get a part of it."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.checks.context import Context, require
from tests.kubernetes.fleet import NAME
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
    before = {name(pod) for pod in ready()}
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
