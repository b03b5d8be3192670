"""What the servers must bear."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.fleet.description.fields import Positive
from zoo.config import Config


class Traffic(Config):
    """What the servers must bear.

    Args:
        peak_calls_per_second: of the whole fleet.
        calls_per_second_a_replica: that one server was measured to answer within the target.
        p99_ms: target of a call as the server measures it.
        queueing_ms: how long a request may wait for its batch before servers are added.
        error_ratio: share of failed calls that wakes somebody.
        clients: labels of the pods that may call.
        client_namespace: where they run; by default the fleet's own.
    """

    peak_calls_per_second: Positive
    calls_per_second_a_replica: Positive
    p99_ms: Positive = 100
    queueing_ms: Positive = 5
    error_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.01
    clients: dict[str, str] = {"tf-serving-client": "true"}
    client_namespace: str | None = None
