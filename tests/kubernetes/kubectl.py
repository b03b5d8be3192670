"""kubectl, as somebody who runs a fleet would call it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMESPACE = "recommendation"


class FailedError(RuntimeError):
    """kubectl ended with an error; the message has its words."""


def kubectl(*words: str | Path, given: str | None = None, namespace: str | None = NAMESPACE) -> str:
    """Calls kubectl and gives its output.

    Args:
        words: its arguments.
        given: standard input.
        namespace: that it is about.

    Raises:
        FailedError: it failed.
    """
    command = ["kubectl", *(["--namespace", namespace] if namespace else []), *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True, text=True)
    if done.returncode:
        raise FailedError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def get(kind: str, *words: str, **options: Any) -> Any:
    """An object, or the list of a kind's."""
    found = json.loads(kubectl("get", kind, *words, "--output=json", **options))
    return found["items"] if found["kind"] == "List" else found


def create(*objects: dict[str, Any], namespace: str | None = NAMESPACE) -> None:
    """Makes or changes objects; a field that Kubernetes does not know is an error."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    kubectl("apply", "--validate=strict", "--filename=-", given=listed, namespace=namespace)


def wait(what: str, holds: Callable[[], bool], seconds: float = 600.0) -> float:
    """Waits until something holds.

    Returns:
        How long it took, in seconds.

    Raises:
        TimeoutError: it never did.
    """
    started = time.monotonic()
    while not holds():
        if time.monotonic() > started + seconds:
            raise TimeoutError(f"after {seconds:g} s not yet: {what}")
        time.sleep(0.5)
    return time.monotonic() - started


def condition(one: dict[str, Any], kind: str) -> bool:
    """Whether an object has a condition, such as `Ready`."""
    return any(found["type"] == kind and found["status"] == "True" for found in one["status"].get("conditions", ()))
