"""Connections to servers, for threads and for asyncio."""

from __future__ import annotations

from typing import Any

import grpc

from serving.targets import ROUND_ROBIN
from serving.tls import ClientTls

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # gRPC's own retries know neither our deadline nor our codes; and a server that came back should be found at once.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ROUND_ROBIN,
]


def channel(target: str, proxy: bool = False, tls: ClientTls | None = None) -> grpc.Channel:
    """A channel to a server, or to several that take turns.

    Args:
        target: as gRPC takes it.
        proxy: whether it is called through the proxy that the environment names.
        tls: how to reach it by TLS; None: in the clear.
    """
    options = _options(proxy, tls)
    return grpc.secure_channel(target, tls.credentials(), options) if tls else grpc.insecure_channel(target, options)


def async_channel(target: str, proxy: bool = False, tls: ClientTls | None = None) -> grpc.aio.Channel:
    """The same for asyncio; made where an event loop runs."""
    options = _options(proxy, tls)
    return grpc.aio.secure_channel(target, tls.credentials(), options) if tls else grpc.aio.insecure_channel(target, options)


def _options(proxy: bool, tls: ClientTls | None) -> list[tuple[str, Any]]:
    return [*_OPTIONS, ("grpc.enable_http_proxy", int(proxy)), *(tls.options if tls else ())]
