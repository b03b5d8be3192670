"""Where a client's servers are: one name, several addresses, and how calls are spread over them."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Sequence

from serving.errors import ServingError
from serving.proxies import host_of

# gRPC's own spreading: a connection to each address, one call to each in turn, and none to those that do not answer.
ROUND_ROBIN = ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]}))


def grpc_target(target: str | Sequence[str]) -> str:
    """What gRPC calls a server, or several.

    A name of DNS (a headless Service) is resolved by gRPC, anew whenever a connection breaks. Of a list, names are looked up
    here, once: where servers come and go, give the name that has them all.

    Args:
        target: `HOST:PORT`, a gRPC name such as `dns:///HOST:PORT`, or a list of `HOST:PORT`.

    Raises:
        ServingError: an empty list, or one whose names can't be looked up.

    Example:
        >>> grpc_target(["10.0.0.1:8500", "10.0.0.2:8500"])
        'ipv4:10.0.0.1:8500,10.0.0.2:8500'
    """
    if isinstance(target, str):
        return target
    if not target:
        raise ServingError("no server: name at least one HOST:PORT")
    if len(target) == 1:
        return target[0]
    addresses = [_address(one) for one in target]
    if all(address.version == 4 for address, _ in addresses):
        return "ipv4:" + ",".join(f"{address}:{port}" for address, port in addresses)
    # One scheme for all: IPv4 has a form in IPv6.
    return "ipv6:" + ",".join(f"[{address if address.version == 6 else f'::ffff:{address}'}]:{port}"
                              for address, port in addresses)


def _address(target: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    host, (_, _, port) = host_of(target), target.rpartition(":")
    if not port.isdigit():
        raise ServingError(f"{target}: expected HOST:PORT")
    try:
        return ipaddress.ip_address(host), int(port)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServingError(f"{target}: no such host: {error.strerror or error}") from None
    return ipaddress.ip_address(found[0][4][0]), int(port)
