"""The fleet's pods as its operator sees them."""

from __future__ import annotations

import os
import re
import urllib.request
from typing import Any

from tests.kubernetes.fleet import LABELS
from tests.kubernetes.kubectl import condition, get


def pods() -> list[dict[str, Any]]:
    """Those that are not about to end."""
    return [pod for pod in get("pods", f"--selector={LABELS}") if "deletionTimestamp" not in pod["metadata"]]


def ready() -> list[dict[str, Any]]:
    """Those that are ready."""
    return [pod for pod in pods() if condition(pod, "Ready")]


def name(pod: dict[str, Any]) -> str:
    return pod["metadata"]["name"]


def answered(pod: dict[str, Any], model: str = "din") -> float:
    """Calls that a pod has answered, by its server's own count."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://{pod['status']['podIP']}:8501/monitoring/prometheus/metrics"
    with opener.open(url, timeout=20) as answer:
        found = re.findall(rf'request_count\{{model_name="{model}",status="OK"\}} (\S+)', answer.read().decode())
    return sum(map(float, found))


def status_of(pod: dict[str, Any], container: str = "server") -> dict[str, Any]:
    """What the kubelet says of a container."""
    return next(one for one in pod["status"]["containerStatuses"] if one["name"] == container)


def process_of(pod: dict[str, Any], container: str = "server") -> int:
    """The first process of a container, by its number in the cluster's own namespace."""
    wanted = status_of(pod, container)["containerID"].rpartition("/")[2]
    found = [int(number) for number in os.listdir("/proc") if number.isdigit() and wanted in _groups(number)]
    return min(found, key=_started)


def _groups(number: str) -> str:
    try:
        with open(f"/proc/{number}/cgroup", encoding="utf-8") as file:
            return file.read()
    except OSError:  # it has ended meanwhile
        return ""


def _started(number: int) -> int:
    with open(f"/proc/{number}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[19])
