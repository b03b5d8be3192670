"""One gRPC call, tried again while the server is unavailable or has no room for it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import grpc

from serving.errors import ServerUnavailableError, serving_error

_CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # gRPC's own retries know neither our deadline nor our codes; and a server that came back should be found at once.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
]

_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.05, 1.0


def channel(target: str, proxy: bool = False) -> grpc.Channel:
    """A channel to a server.

    Args:
        target: `HOST:PORT` of its gRPC port.
        proxy: whether it is called through the proxy that the environment names.
    """
    return grpc.insecure_channel(target, [*_CHANNEL_OPTIONS, ("grpc.enable_http_proxy", int(proxy))])


def call(method: Callable[..., Any], request: Any, deadline: float, max_attempts: int, where: str) -> Any:
    """Calls a stub's method; what passes (`ServingError.passing`) is tried again with growing pauses, no other error is.

    Args:
        method: of a gRPC stub.
        request: its message.
        deadline: on the monotonic clock, pauses included.
        max_attempts: how often it is tried, at least once.
        where: what was called, for the error's message.

    Returns:
        The answer.

    Raises:
        ServingError: the call failed; the subclass says how.
    """
    attempt = 1
    while True:
        try:
            return method(request, timeout=max(0.001, deadline - time.monotonic()))
        except grpc.RpcError as error:
            failure = serving_error(error, where)
        pause = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2 ** (attempt - 1)) * random.uniform(0.5, 1)
        again = failure.passing and attempt < max_attempts
        if not again or time.monotonic() + pause > deadline:
            break
        time.sleep(pause)
        attempt += 1
    if isinstance(failure, ServerUnavailableError) and attempt > 1:
        failure = type(failure)(f"{failure} ({attempt} attempts)", failure.code, failure.details)
    raise failure
