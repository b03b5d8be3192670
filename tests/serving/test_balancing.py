"""Calls over several servers: they take turns, and one that dies, hangs or refuses costs no call."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
import time
from concurrent import futures

import grpc
import numpy as np
import pytest

from serving.async_client import AsyncRankingClient
from serving.client import RankingClient
from serving.errors import DeadlineError, ServerBusyError, ServerUnavailableError, ServingError
from serving.limits import RetryBudget, Throttle
from serving.server import LocalModelServer, ModelSpec, VersionPolicy
from serving.server.protocol import prediction_service_pb2_grpc
from serving.split import TrafficSplit
from serving.targets import grpc_target
from tests.serving.conftest import free_port
from tests.serving.models import write_version
from tests.serving.processes import ServerProcess
from tests.serving.test_client import ScriptedService
from tests.toy import toy_bound, toy_requests
from zoo.data.request import RequestError

REQUEST = toy_requests(1)[0]
PRICE = np.float32(REQUEST.candidates["price"][0])
BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")


@contextlib.contextmanager
def services(*scripts, seconds=()):
    """Servers that answer by their scripts; gives the services and their addresses."""
    servers, seconds = [], seconds or [0.0] * len(scripts)
    found = [ScriptedService(codes, wait) for codes, wait in zip(scripts, seconds, strict=True)]
    for service in found:
        servers.append(grpc.server(futures.ThreadPoolExecutor(8)))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, servers[-1])
    targets = [f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}" for server in servers]
    for server in servers:
        server.start()
    try:
        yield found, targets
    finally:
        for server in servers:
            server.stop(0)


def client_of(targets, **options):
    return RankingClient(targets, "m", toy_bound(), **({"deadline_s": 20.0} | options))


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 1)
    write_version(base, 2)
    return base


# ---- several servers -----------------------------------------------------------------------------------------------


def test_servers_take_turns():
    with services((), (), ()) as (found, targets), client_of(targets) as client:
        for _ in range(3):  # until all are connected
            client.rank_one(REQUEST)
        time.sleep(0.3)
        before = [len(one.requests) for one in found]
        for _ in range(30):
            client.rank_one(REQUEST)
        assert [len(one.requests) - count for one, count in zip(found, before, strict=True)] == [10, 10, 10]


def test_a_server_that_refuses_hands_the_call_to_the_next():
    with services([BUSY] * 100, ()) as (found, targets), client_of(targets) as client:
        for _ in range(10):
            assert client.rank_one(REQUEST).version == 4
        assert len(found[1].requests) == 10


@pytest.mark.slow
def test_a_killed_server_costs_no_call_and_no_wrong_answer(two_versions):
    """SIGKILL under load, while another server answers; then it comes back and is called again."""
    port = free_port()
    with ServerProcess("--model", f"scorer={two_versions}", port=port) as first, \
            LocalModelServer({"scorer": two_versions}) as second:
        failures, answered, stop = [], [], threading.Event()

        def call():
            with RankingClient([first.target, second.target], "scorer", toy_bound(), deadline_s=20.0) as client:
                while not stop.is_set():
                    try:
                        ranking = client.rank_one(REQUEST)
                        answered.append((ranking.version, float(ranking.scores["click"][0])))
                    except Exception as error:  # whatever it is, it is a call that failed
                        failures.append(error)

        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(1.0)
        first.kill()
        seen = len(answered)
        while len(answered) < seen + 50 and not failures:
            time.sleep(0.05)
        stop.set()
        for caller in callers:
            caller.join()
    assert not failures and len(answered) > 50
    assert all(version == 2 and score == pytest.approx(2 + PRICE / 1000, rel=1e-6) for version, score in answered)


@pytest.mark.slow
def test_a_server_that_hangs_is_passed_by(two_versions):
    """SIGSTOP: the connection stands and nothing answers, as on a machine that swaps."""
    with ServerProcess("--model", f"scorer={two_versions}") as first, LocalModelServer({"scorer": two_versions}) as second:
        targets = [first.target, second.target]
        with RankingClient(targets, "scorer", toy_bound(), deadline_s=20.0, hedge_after_s=0.5) as client, \
                RankingClient(first.target, "scorer", toy_bound(), deadline_s=0.6, max_attempts=9) as patient:
            for _ in range(6):
                client.rank_one(REQUEST)
            first.signal(signal.SIGSTOP)
            started = time.monotonic()
            for _ in range(4):
                assert client.rank_one(REQUEST).version == 2
            assert time.monotonic() - started < 15, "half of them waited for half a second, none for its deadline"
            started = time.monotonic()
            with pytest.raises(DeadlineError):
                patient.rank_one(REQUEST)
            assert time.monotonic() - started < 5, "the deadline is kept"


@pytest.mark.slow
def test_hedging_spends_the_budget_and_no_more():
    with services((), (), seconds=(0.4, 0.4)) as (found, targets):
        with client_of(targets, hedge_after_s=0.05, retry_budget=RetryBudget(most=2, a_call=0, a_second=0)) as client:
            for _ in range(5):
                client.rank_one(REQUEST)
        assert sum(len(one.requests) for one in found) == 7


def test_one_target_or_many():
    assert grpc_target("dns:///fleet:8500") == "dns:///fleet:8500" and grpc_target(["fleet:8500"]) == "fleet:8500"
    named = grpc_target(["127.0.0.1:1", "localhost:2"])
    assert named in ("ipv4:127.0.0.1:1,127.0.0.1:2", "ipv6:[::ffff:127.0.0.1]:1,[::1]:2")
    assert grpc_target(["10.0.0.1:1", "[::1]:2"]) == "ipv6:[::ffff:10.0.0.1]:1,[::1]:2"
    for wrong in ([], ["a", "b"], ["nobody.invalid:1", "127.0.0.1:1"]):
        with pytest.raises(ServingError):
            grpc_target(wrong)


# ---- budget and throttle -------------------------------------------------------------------------------------------


def test_retries_have_a_budget():
    now = [0.0]
    budget = RetryBudget(most=2, a_call=0.5, a_second=0.1, clock=lambda: now[0])
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.answered()
    assert not budget.spend()
    budget.answered()
    assert budget.spend() and not budget.spend()
    now[0] = 10.0
    assert budget.spend() and not budget.spend()
    now[0] = 1e6
    assert [budget.spend() for _ in range(3)] == [True, True, False], "it holds no more than at first"


def test_a_fleet_that_is_down_is_not_buried_in_retries():
    with services([grpc.StatusCode.UNAVAILABLE] * 1000) as (found, targets):
        budget = RetryBudget(most=5, a_second=0)
        with client_of(targets, max_attempts=4, retry_budget=budget) as client:
            for _ in range(10):
                with pytest.raises(ServerUnavailableError):
                    client.rank_one(REQUEST)
        assert len(found[0].requests) == 15


def test_throttling_follows_what_servers_take():
    chance = random.Random(1).random
    now = [0.0]
    throttle = Throttle(spare=0, clock=lambda: now[0], chance=chance)

    def sent(share_taken, calls=2000):
        count = 0
        for number in range(calls):
            now[0] += 0.01
            if throttle.admits():
                count += 1
                throttle.answered(number % 100 < 100 * share_taken)
        return count / calls

    assert sent(1.0) == 1.0 and sent(0.6) > 0.95
    sent(0.0)
    assert 0.05 < sent(0.0) < 0.15, "while nothing is taken, few are sent to see whether that is over"
    sent(1.0)
    assert sent(1.0) > 0.95, "twenty seconds after it is over, all are"


def test_a_call_without_an_answer_yet_is_none_that_was_refused():
    throttle = Throttle(clock=lambda: 0.0, chance=random.Random(0).random)
    assert all(throttle.admits() for _ in range(200)), "servers are slow, or start: nobody has refused anything"
    for _ in range(200):
        throttle.answered(False)
    assert not all(throttle.admits() for _ in range(200))


def test_calls_are_kept_back_while_servers_refuse_them():
    with services([BUSY] * 10_000) as (found, targets):
        throttle = Throttle(chance=random.Random(0).random)
        with client_of(targets, max_attempts=1, throttle=throttle) as client:
            kept = 0
            for _ in range(200):
                with pytest.raises(ServerBusyError) as raised:
                    client.rank_one(REQUEST)
                kept += "not sent" in str(raised.value)
        assert len(found[0].requests) == 200 - kept and kept > 80


# ---- labels --------------------------------------------------------------------------------------------------------


def test_shares_of_users_are_stable_and_grow_by_adding():
    users = [f"user {number}" for number in range(20_000)]
    five, ten = TrafficSplit({"canary": 5, "stable": 95}), TrafficSplit({"canary": 10, "stable": 90})
    first = {user for user in users if five.label(user) == "canary"}
    more = {user for user in users if ten.label(user) == "canary"}
    assert abs(len(first) / len(users) - 0.05) < 0.006 and abs(len(more) / len(users) - 0.1) < 0.01
    assert first < more, "nobody who had the canary loses it"
    assert five.place("user 1") == 79.76, "the same in every process and every release"
    dealt = TrafficSplit({"canary": 5, "stable": 95}, salt="2")
    assert len(first & {user for user in users if dealt.label(user) == "canary"}) < 120
    for wrong in ({}, {"a": 50}, {"a": -1, "b": 101}):
        with pytest.raises(ServingError, match="sum up to 100"):
            TrafficSplit(wrong)


def test_users_go_to_their_label(two_versions):
    spec = ModelSpec("scorer", two_versions, VersionPolicy(all=True), {"stable": 1, "canary": 2})
    split = TrafficSplit({"canary": 50, "stable": 50})
    requests = toy_requests(20)
    with LocalModelServer({"scorer": spec}) as server, \
            RankingClient(server.target, "scorer", toy_bound(), deadline_s=20.0, split=split) as client:
        rankings = client.rank(requests)
    expected = [{"stable": 1, "canary": 2}[split.label(request.features["user_id"])] for request in requests]
    assert [ranking.version for ranking in rankings] == expected and set(expected) == {1, 2}
    assert [ranking.request for ranking in rankings] == requests
    with pytest.raises(ServingError, match="not both"):
        RankingClient("127.0.0.1:1", "m", toy_bound(), split=split, label="stable")


# ---- asyncio -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_asyncio_gives_the_same(server):
    requests = toy_requests(6)

    async def asked():
        async with AsyncRankingClient(server.target, "din", toy_bound(), deadline_s=20.0) as client:
            assert await client.wait_until_ready(20) == 1
            assert (await client.model_status())[0].state == "AVAILABLE"
            one_by_one = await asyncio.gather(*(client.rank_one(request) for request in requests))
            with pytest.raises(RequestError):
                await client.rank([toy_requests(1, candidates=0)[0]])
            return await client.rank(requests), one_by_one

    together, alone = asyncio.run(asked())
    with server.client("din") as client:
        for one, other, third in zip(together, alone, client.rank(requests), strict=True):
            np.testing.assert_array_equal(one.scores["click"], third.scores["click"])
            np.testing.assert_allclose(other.scores["click"], third.scores["click"], atol=1e-6)


def test_asyncio_tries_again_hedges_and_keeps_the_deadline():
    async def asked(targets, **options):
        async with AsyncRankingClient(targets, "m", toy_bound(), **({"deadline_s": 20.0} | options)) as client:
            return await client.rank_one(REQUEST)

    with services([grpc.StatusCode.UNAVAILABLE, BUSY]) as (found, targets):
        assert asyncio.run(asked(targets)).version == 4 and len(found[0].requests) == 3
    with services((), seconds=(0.4,)) as (found, targets):
        assert asyncio.run(asked(targets, hedge_after_s=0.05)).version == 4 and len(found[0].requests) == 2
        with pytest.raises(DeadlineError):
            asyncio.run(asked(targets, deadline_s=0.1))
    with services([grpc.StatusCode.INTERNAL]) as (_, targets), pytest.raises(ServingError):
        asyncio.run(asked(targets, hedge_after_s=1.0))
