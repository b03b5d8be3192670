"""A canary that leaves its bounds is told by numbers, and taken back on running servers by what real clients saw."""

from __future__ import annotations

import threading

import numpy as np
import prometheus_client
import pytest
import yaml
from click.testing import CliRunner

from serving.client import RankingClient
from serving.client_metrics import ClientMetrics
from serving.errors import ServingError
from serving.fleet.commands import fleet as command
from serving.fleet.rollout.judge import Bounds, Histogram, Seen, judge
from serving.fleet.rollout.scrape import between, read, seen
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.rollout.state import read_state
from serving.server import LocalModelServer, ModelSpec, VersionPolicy
from serving.split import TrafficSplit
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_requests

MS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, float("inf")]


def saw(ok=1000, failed=0, ms=(0, 0, 900, 95, 5, 0, 0), scores=(100, 200, 400, 300)):
    bounds = [0.1, 0.2, 0.5, float("inf")]
    return Seen({"OK": ok, "INTERNAL": failed}, Histogram(MS, ms), {"click": Histogram(bounds, scores)})


def test_the_same_is_within_bounds():
    assert judge(saw(), saw()) == judge(saw(), saw(ms=(0, 0, 850, 145, 5, 0, 0), scores=(11, 19, 41, 29)))
    assert judge(saw(), saw()).enough and not judge(saw(), saw()).bad


def test_too_few_calls_say_nothing():
    assert not judge(saw(ok=0, failed=499), saw()).enough
    few = judge(saw(), saw(ok=0, failed=499))
    assert not few.enough and not few.bad


def test_errors():
    failing = judge(saw(), saw(ok=950, failed=50))
    assert failing.reasons == ("5.00% of its calls fail, 0.00% of stable's; allowed are 1.00% more",)
    assert not judge(saw(ok=950, failed=50), saw(ok=945, failed=55)).bad, "both fail: it is not the canary"
    assert not judge(saw(ok=990, failed=10), saw(ok=975, failed=25)).bad, "1.5 % more of 1,000 calls is what chance does"
    many = saw(ok=99_000, failed=1000), saw(ok=97_500, failed=2500)
    assert judge(*many).bad, "of 100,000 calls it is not"


def test_latency():
    slow = judge(saw(), saw(ms=(0, 0, 800, 100, 100, 0, 0)))
    assert slow.reasons == ("95% of its calls take up to 20 ms, of stable's 10; allowed are 1.5 times as much",)
    assert not judge(saw(), saw(ms=(0, 0, 800, 100, 100, 0, 0)), Bounds(latency_ratio=2)).bad
    assert not judge(saw(ms=(990, 10, 0, 0, 0, 0, 0)), saw(ms=(0, 990, 10, 0, 0, 0, 0))).bad, "2 ms are not too slow"
    hung = judge(saw(), saw(ms=(0, 0, 0, 0, 0, 0, 1000)))
    assert hung.bad and "inf" in hung.reasons[0]


def test_scores():
    shifted = judge(saw(), saw(scores=(250, 250, 300, 200)))
    assert shifted.reasons == ("its scores of click lie 0.200 from stable's; allowed are 0.1",)
    assert not judge(saw(), saw(scores=(250, 250, 300, 200)), Bounds(score_distance=0.3)).bad


def test_quantiles_are_bounds_of_buckets():
    assert Histogram([1, 2, 4], [10, 80, 10]).quantile(0.5) == 2
    assert Histogram([1, 2, 4], [10, 80, 10]).quantile(0.95) == 4
    assert np.isnan(Histogram([1], [0]).quantile(0.5))


def test_a_reading_is_what_was_counted_since():
    def key(name, **labels):
        return name, frozenset(labels.items())

    calls = key("zoo_client_calls_total", model="m", label="canary", version="2", code="OK")
    other = key("zoo_client_calls_total", model="m", label="stable", version="1", code="OK")
    assert between({calls: 5.0, other: 9.0}, {calls: 12.0, other: 3.0}) == {calls: 7.0, other: 3.0}, "the second began anew"
    assert seen({calls: 7.0, other: 3.0}, "m", "canary").calls == {"OK": 7.0}
    with pytest.raises(ServingError, match="no metrics: .*start the clients with ClientMetrics"):
        read(["http://127.0.0.1:1/metrics"])


def test_a_canary_that_is_worse_is_taken_back(tmp_path):
    """Its scores lie elsewhere: version 2 of the scorer says 2 and more where version 1 says 1 and more."""
    base, path = tmp_path / "scorer", tmp_path / "rollout.yaml"
    write_version(base, 1)
    write_version(base, 2)
    model = {"base_path": str(base), "labels": {"stable": 1, "canary": 2}}
    path.write_text(yaml.safe_dump({"models": {"scorer": model}}))
    (tmp_path / "bounds.yaml").write_text("min_calls: 20\nlatency_floor_ms: 10000\nscore_distance: 0.2\n")
    registry = prometheus_client.CollectorRegistry()
    exported, thread = prometheus_client.start_http_server(0, "127.0.0.1", registry)
    spec = ModelSpec("scorer", base, VersionPolicy(all=True), {"stable": 1, "canary": 2})
    stop = threading.Event()
    with LocalModelServer({"scorer": spec}) as server, \
            RankingClient(server.target, "scorer", toy_bound(), deadline_s=20.0, observers=[ClientMetrics(registry)],
                          split=TrafficSplit({"canary": 50, "stable": 50})) as client:
        def call():
            while not stop.is_set():
                client.rank(toy_requests(20))

        caller = threading.Thread(target=call)
        caller.start()
        done = CliRunner().invoke(command, [
            "watch", str(path), "scorer", "--metrics", f"http://127.0.0.1:{exported.server_port}/metrics", "--every", "0.3",
            "--for", "60", "--bounds", str(tmp_path / "bounds.yaml"), "--server", server.target], catch_exceptions=False)
        stop.set()
        caller.join()
        with FleetServer(server.target) as operator:
            assert operator.pointed("scorer", "canary") == operator.pointed("scorer", "stable") == 1
    exported.shutdown()
    thread.join()
    assert done.exit_code == 1 and "version 2 is taken back, canary points to version 1" in done.output
    assert "its scores of click lie 1.000 from stable's; allowed are 0.2" in done.output
    assert read_state(path).models["scorer"].labels == {"stable": 1, "canary": 1}
    nothing = CliRunner().invoke(command, ["watch", str(path), "scorer", "--metrics", "http://127.0.0.1:1",
                                           "--server", "127.0.0.1:1"])
    assert isinstance(nothing.exception, ServingError) and "no canary" in str(nothing.exception)
