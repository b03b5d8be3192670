"""A server is killed, and a node is emptied, under load."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from tests.kubernetes.checks.context import Context, require
from tests.kubernetes.fleet import NAME
from tests.kubernetes.kubectl import NAMESPACE, FailedError, get, kubectl, wait
from tests.kubernetes.pods import name, pods, process_of, ready, status_of


def killed(context: Context) -> dict[str, Any]:
    """A server gets SIGKILL; the kubelet starts it anew."""
    victim = ready()[0]
    restarts = status_of(victim)["restartCount"]

    def again() -> bool:
        now = next(pod for pod in pods() if name(pod) == name(victim))
        return status_of(now)["restartCount"] > restarts and name(now) in map(name, ready())

    os.kill(process_of(victim), signal.SIGKILL)
    return {"ready_again_after_s": round(wait("the server is ready again", again), 1)}


def budget(context: Context) -> dict[str, Any]:
    """Two pods are to go at once: the second one may not."""
    first, second = ready()[:2]
    wait("a pod may go", lambda: get("poddisruptionbudget", NAME)["status"]["disruptionsAllowed"] == 1)
    _evict(name(first))
    try:
        _evict(name(second))
    except FailedError as error:
        refused = str(error)
    else:
        refused = ""
    require("disruption budget" in refused, f"the second pod was evicted, too: {refused}")
    count = len(ready())
    return {"refused": refused.rpartition(": ")[2], "replaced_after_s": round(wait(
        "a pod takes the place", lambda: len(ready()) > count or len(ready()) >= 2), 1)}


def drained(context: Context) -> dict[str, Any]:
    """A node is emptied; its pods come up on the other."""
    node = ready()[0]["spec"]["nodeName"]
    lowest, stop = [len(ready())], threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            lowest[0] = min(lowest[0], len(ready()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=1200s", namespace=None)
        require(node not in {pod["spec"]["nodeName"] for pod in pods()}, f"{node} still has pods")
        took = wait("all servers are on the other node", lambda: len(ready()) >= 2)
    finally:
        stop.set()
        looking.join()
        kubectl("uncordon", node, namespace=None)
    require(lowest[0] >= 1, "no pod was ready for a while")
    return {"fewest_ready": lowest[0], "all_ready_after_s": round(took, 1)}


def _evict(pod: str) -> None:
    import json

    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    kubectl("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", "--filename=-", given=json.dumps(body))
