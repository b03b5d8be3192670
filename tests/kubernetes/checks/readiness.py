"""A pod is ready when every model answers, and no sooner."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from tests.kubernetes.checks.context import require
from tests.kubernetes.commands import zoo
from tests.kubernetes.kubectl import get, kubectl, wait
from tests.kubernetes.pods import name, pods, ready, status_of
from zoo.model_files import MANIFEST_FILE

_PATIENCE_S = 25.0


def ready_when_all_answer(models: Path, good: Path, servers: int) -> dict[str, Any]:
    """Of two models the second can't be read at first; the servers run, and no pod is ready until it can.

    Args:
        models: the store, where the first model is.
        good: the second model.
        servers: how many there should be.
    """
    zoo("push", str(good), "--to", str(models / "lr"))
    broken = next((models / "lr").iterdir())
    # As a pusher of another make might leave it: it has no manifest, so it is copied as it is.
    (broken / MANIFEST_FILE).unlink()
    (broken / "saved_model.pb").write_bytes(b"no model")
    started = wait("servers run", lambda: len([one for one in pods() if _running(one)]) == servers)
    time.sleep(_PATIENCE_S)
    require(all(_running(one) for one in pods()), "a server ended over a model that it can't read")
    require(not ready(), "a pod is ready without its second model")
    require(not _addresses(), "callers would find a pod that is not ready")
    said = kubectl("exec", name(pods()[0]), "--container=sync", "--", "python", "-c", _ASK)
    zoo("push", str(good), "--to", str(models / "lr"))
    took = wait("pods are ready", lambda: len(ready()) == servers)
    shutil.rmtree(broken)
    wait("callers find the pods", lambda: len(_addresses()) == servers)
    return {"servers_run_after_s": round(started, 1), "not_ready": said.strip(), "patience_s": _PATIENCE_S,
            "ready_after_s": round(took, 1)}


_ASK = """import urllib.request, urllib.error
try:
    print(urllib.request.urlopen('http://127.0.0.1:8502/started').read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())"""


def _running(pod: dict[str, Any]) -> bool:
    return bool(pod["status"].get("containerStatuses")) and "running" in status_of(pod)["state"]


def _addresses() -> list[str]:
    """Where callers are sent."""
    slices = get("endpointslices", "--selector=kubernetes.io/service-name=ranking")
    return [address for one in slices for endpoint in one["endpoints"] or () if endpoint["conditions"]["ready"]
            for address in endpoint["addresses"]]
