"""A server on IPv6: every way of writing the address listens, and its target is one that a client can call."""

from __future__ import annotations

import json
import socket
import urllib.request

import pytest

from serving.client import RankingClient
from serving.server import LocalModelServer
from serving.server.addresses import bare, joined, reachable
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_requests


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 7)
    return {"scorer": base}


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize("address", ["::1", "[::1]", "::", "[::]"])
def test_a_server_on_ipv6_is_reached_through_both_ports(models, address):
    with LocalModelServer(models, address=address) as server:
        assert server.target == f"[::1]:{server.port}" and server.rest_url == f"http://[::1]:{server.rest_port}"
        assert version_by_both(server.target, server.rest_url) == (7, "7")
        if "::" == bare(address):
            assert version_by_both(f"127.0.0.1:{server.port}", f"http://127.0.0.1:{server.rest_port}") == (7, "7")


def test_a_server_on_all_interfaces_names_one_that_can_be_called(models):
    with LocalModelServer(models, address="0.0.0.0") as server:
        assert server.target == f"127.0.0.1:{server.port}"
        assert version_by_both(server.target, server.rest_url) == (7, "7")


def version_by_both(target: str, rest_url: str) -> tuple[int, str]:
    with RankingClient(target, "scorer", toy_bound(), deadline_s=20.0) as client:
        version = client.rank_one(toy_requests(1)[0]).version
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{rest_url}/v1/models/scorer", timeout=20) as answer:
        return version, json.load(answer)["model_version_status"][0]["version"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_taken_port_says_so(models, address):
    if ":" in address and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as taken:
        port = taken.getsockname()[1]
        for ports in ({"port": port}, {"rest_port": port}):
            with pytest.raises(OSError, match="can't listen on .*Address already in use") as raised:
                LocalModelServer(models, address=address, **ports)
            assert joined(address, port) in str(raised.value)


@pytest.mark.parametrize("address, written", [
    ("127.0.0.1", "127.0.0.1:8500"), ("::1", "[::1]:8500"), ("[::1]", "[::1]:8500"), ("localhost", "localhost:8500"),
])
def test_addresses_with_ports(address, written):
    assert joined(address, 8500) == written


def test_an_interface_that_is_not_this_machine_s_says_so(models):
    # TEST-NET-3 and the documentation's prefix belong to nobody.
    for address in ("203.0.113.1", "2001:db8::1", "no-such-host.invalid"):
        with pytest.raises(OSError, match="can't listen on .*(Cannot assign|not supported|not known|resolution)"):
            LocalModelServer(models, address=address, rest_port=None)
    assert reachable("203.0.113.1") == "203.0.113.1"
