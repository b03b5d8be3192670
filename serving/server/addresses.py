"""The interface that a server binds, as gRPC, sockets and clients write it."""

from __future__ import annotations

import socket

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def bare(address: str) -> str:
    """`::1` for `[::1]` and for `::1`: sockets take addresses without brackets."""
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def joined(address: str, port: int) -> str:
    """`HOST:PORT`; an IPv6 address stands in brackets."""
    host = bare(address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(address: str) -> str:
    """Where a client on this machine finds a server that bound `address`: all interfaces are no place to connect to."""
    return _LOOPBACK.get(bare(address), bare(address))


def family(address: str) -> socket.AddressFamily:
    """IPv4 or IPv6; a name is looked up, and IPv4 is taken where it has both.

    Raises:
        OSError: no such host.
    """
    found = {entry[0] for entry in socket.getaddrinfo(bare(address), None, type=socket.SOCK_STREAM)}
    return socket.AF_INET if socket.AF_INET in found else socket.AF_INET6


def refusal(address: str, port: int) -> str | None:
    """Why the system does not let this address and port be bound; None where it does."""
    try:
        with socket.socket(family(address)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bare(address), port))
    except OSError as error:
        return error.strerror or str(error)
    return None
