"""Proxies of the environment: never for this machine, named in errors where they take part."""

from __future__ import annotations

import pytest

from serving.client import RankingClient
from serving.errors import ServerUnavailableError
from serving.proxies import host_of, is_local, proxy_variable
from tests.serving.conftest import free_port
from tests.toy import toy_bound, toy_requests

PROXY = "http://127.0.0.1:9"
VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")


@pytest.fixture
def no_proxies(monkeypatch):
    for name in (*VARIABLES, "no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("exceptions", [None, "", "example.org"])
def test_calls_to_this_machine_go_through_no_proxy(server, no_proxies, variable, exceptions):
    no_proxies.setenv(variable, PROXY)
    if exceptions is not None:
        no_proxies.setenv("no_proxy", exceptions)
    for host in ("127.0.0.1", "localhost"):
        with RankingClient(f"{host}:{server.target.split(':')[1]}", "scorer", toy_bound()) as client:
            assert client.rank_one(toy_requests(1)[0]).version == 7


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_error_names_the_proxy_that_took_part(no_proxies, variable):
    no_proxies.setenv(variable, f"http://127.0.0.1:{free_port()}")
    with RankingClient("ranker.invalid:8500", "din", toy_bound(), max_attempts=1) as client:
        with pytest.raises(ServerUnavailableError, match=f"ranker.invalid:8500 .*the proxy that {variable} names.*UNAVAILABLE"):
            client.rank_one(toy_requests(1)[0])


def test_no_proxy_is_named_where_none_took_part(no_proxies):
    no_proxies.setenv("http_proxy", PROXY)
    no_proxies.setenv("no_proxy", "10.0.0.0/8, .invalid")
    with RankingClient("ranker.invalid:8500", "din", toy_bound(), max_attempts=1) as client:
        with pytest.raises(ServerUnavailableError) as raised:
            client.rank_one(toy_requests(1)[0])
    assert "proxy" not in str(raised.value)


@pytest.mark.parametrize("target, expected", [
    ("localhost:8500", True), ("LOCALHOST.:8500", True), ("ranker.localhost:1", True), ("localhost", True),
    ("127.0.0.1:8500", True), ("127.8.9.10:1", True), ("[::1]:8500", True), ("[::ffff:127.0.0.1]:1", True),
    ("0.0.0.0:8500", True), ("[::]:8500", True), ("dns:///localhost:8500", True), ("ipv4:127.0.0.1:8500", True),
    ("ipv6:[::1]:8500", True), ("unix:/run/ranker.sock", True), ("dns://8.8.8.8/ranker.shop:8500", False),
    ("ranker.shop:8500", False), ("localhost.shop:1", False), ("128.0.0.1:1", False), ("[2001:db8::1]:8500", False),
])
def test_this_machine_is_known_by_all_its_names(target, expected):
    assert is_local(target) == expected


@pytest.mark.parametrize("target, host", [
    ("ranker:8500", "ranker"), ("[2001:db8::1]:8500", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"),
    ("dns://8.8.8.8/ranker.shop:8500", "ranker.shop"), ("dns:ranker:1", "ranker"), ("ipv6:[::1]:8500", "::1"),
])
def test_the_host_of_a_target(target, host):
    assert host_of(target) == host


@pytest.mark.parametrize("environment, expected", [
    ({}, None), ({"http_proxy": PROXY}, "http_proxy"), ({"HTTP_PROXY": PROXY}, None),
    ({"http_proxy": PROXY, "https_proxy": PROXY}, "https_proxy"), ({"https_proxy": PROXY, "grpc_proxy": PROXY}, "grpc_proxy"),
    ({"http_proxy": PROXY, "grpc_proxy": ""}, None), ({"http_proxy": PROXY, "no_proxy": "shop"}, None),
    ({"http_proxy": PROXY, "no_proxy": "other, RANKER.shop"}, None),
    ({"http_proxy": PROXY, "no_proxy": "ranker"}, "http_proxy"),
    ({"http_proxy": PROXY, "no_proxy": "shop", "no_grpc_proxy": "other"}, "http_proxy"),
])
def test_the_environment_is_read_as_grpc_reads_it(environment, expected):
    assert proxy_variable("ranker.shop:8500", environment) == expected


def test_networks_can_be_excepted():
    environment = {"http_proxy": PROXY, "no_proxy": "10.0.0.0/8"}
    assert proxy_variable("10.1.2.3:8500", environment) is None
    assert proxy_variable("11.1.2.3:8500", environment) == "http_proxy"
