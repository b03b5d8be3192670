"""The local server's metrics are those that alerts and autoscaler ask for; its connections get old where that is asked for."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.client import RankingClient
from serving.errors import ServingError
from serving.fleet.metrics import EXPORTED
from serving.fleet.server_files import METRICS_PATH, monitoring_config
from serving.serve import _arguments, _metrics_path
from serving.server import LocalModelServer
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_requests


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 3)
    return base


def read(server):
    with urllib.request.urlopen(f"{server.rest_url}{METRICS_PATH}", timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/plain"
        text = answer.read().decode()
    # This parser would add _total to the name of a counter, as OpenMetrics has it; ModelServer does not.
    families = text_string_to_metric_families(text.replace(" counter", " untyped"))
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples}


def test_calls_are_counted_by_model_and_status(base):
    with (LocalModelServer({"scorer": base}, metrics_path=METRICS_PATH) as server,
          RankingClient(server.target, "scorer", toy_bound(), deadline_s=20.0) as client):
        for _ in range(3):
            client.rank_one(toy_requests(1)[0])
        body = json.dumps({"signature_name": "two_outputs", "inputs": {"name": ["a"], "value": [1.0]}}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{server.rest_url}/v1/models/scorer:predict", body), timeout=10).read()
        with pytest.raises(ServingError):
            client.predict({}, "rank")
        with RankingClient(server.target, 'no"such', toy_bound(), deadline_s=20.0) as other, pytest.raises(ServingError):
            other.rank_one(toy_requests(1)[0])
        seen = read(server)
    name = ":tensorflow:serving:request_count"
    counts = {tuple(value for _, value in labels): count for (found, *labels), count in seen.items() if found == name}
    assert counts == {("scorer", "OK"): 4, ("scorer", "INVALID_ARGUMENT"): 1, ("", "NOT_FOUND"): 1}
    latency = ":tensorflow:serving:request_latency"
    by = (("API", "predict"), ("entrypoint", "GRPC"), ("model_name", "scorer"))
    assert seen[(f"{latency}_count", *by)] == 3 and seen[(f"{latency}_sum", *by)] > 0
    buckets = [value for key, value in seen.items() if key[0] == f"{latency}_bucket" and ("entrypoint", "GRPC") in key]
    assert len(buckets) == 34 and buckets == sorted(buckets) and buckets[-1] == 3
    for key in seen:
        known = EXPORTED[key[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
                         if "latency" in key[0] else key[0]]
        assert {label for label, _ in key[1:]} - {"le"} == set(known[1])


def test_there_are_metrics_where_the_configuration_says_so(tmp_path, base):
    file = tmp_path / "monitoring.config"
    file.write_text(monitoring_config())
    assert _metrics_path(file) == METRICS_PATH
    file.write_text("prometheus_config { enable: false }")
    assert _metrics_path(file) is None
    file.write_text("prometheus { }")
    with pytest.raises(ServingError, match="not a MonitoringConfig"):
        _metrics_path(file)
    with LocalModelServer({"scorer": base}) as server, pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.rest_url}{METRICS_PATH}", timeout=10)
    assert refused.value.code == 400


@pytest.mark.slow
@pytest.mark.parametrize("age", [200, None])
def test_old_connections_end_where_that_is_asked_for(base, age):
    arguments = _arguments(f"grpc.max_connection_age_ms={age},grpc.max_connection_age_grace_ms=1000") if age else {}
    with (LocalModelServer({"scorer": base}, channel_arguments=arguments) as server,
          grpc.insecure_channel(server.target) as channel):
        left = threading.Event()
        grpc.channel_ready_future(channel).result(20)
        channel.subscribe(lambda state: state == grpc.ChannelConnectivity.READY or left.set())
        assert left.wait(20 if age else 1) == bool(age)


def test_a_wrong_argument_is_named():
    with pytest.raises(ServingError, match="expected KEY=VALUE"):
        _arguments("grpc.max_connection_age_ms")
