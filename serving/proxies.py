"""Which proxy a call would go through: calls to this machine go through none, whatever the environment says."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping

# gRPC looks at these in this order, in lower case only, and at the first that is set.
_PROXY_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")
_EXCEPTION_VARIABLES = ("no_grpc_proxy", "no_proxy")


def proxy_variable(target: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable that sends calls to `target` through a proxy, as gRPC reads the environment; None where none does.

    Args:
        target: `HOST:PORT`, or a gRPC name such as `dns:///HOST:PORT` or `unix:/PATH`.
        environment: the variables by name.

    Example:
        >>> proxy_variable("ranker.shop:8500", {"https_proxy": "http://proxy.shop:3128"})
        'https_proxy'
        >>> proxy_variable("localhost:8500", {"https_proxy": "http://proxy.shop:3128"})
    """
    if is_local(target):
        return None
    name = next((name for name in _PROXY_VARIABLES if name in environment), None)
    if name is None or not environment[name]:
        return None
    exceptions = next((environment[name] for name in _EXCEPTION_VARIABLES if name in environment), "")
    excepted = any(_covers(entry.strip(), host_of(target)) for entry in exceptions.split(",") if entry.strip())
    return None if excepted else name


def is_local(target: str) -> bool:
    """Whether `target` is this machine: a socket file, `localhost`, 127.0.0.0/8, `::1`, or the unspecified address."""
    if re.match(r"unix(-abstract)?:", target):
        return True
    host = host_of(target).lower().rstrip(".")
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified


def host_of(target: str) -> str:
    """The host of a gRPC target, without scheme, port and brackets."""
    name = re.sub(r"^(dns|ipv4|ipv6):(//[^/]*/)?", "", target).removeprefix("/")
    if bracketed := re.match(r"\[(.*)\]", name):
        return bracketed[1]
    return name if name.count(":") > 1 else name.split(":")[0]


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of `no_proxy` covers the host: a suffix of its name, or a network that holds its address."""
    if host.lower().endswith(entry.lower()):
        return True
    address = _address(host)
    try:
        return address is not None and address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
