"""What a client tells Prometheus and OpenTelemetry, and that it costs nothing to those who want neither."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import prometheus_client
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.client_metrics import ClientMetrics
from serving.client_traces import ClientTraces
from serving.errors import ServingError
from tests.serving.test_client import CODES, scripted
from tests.toy import toy_requests

REQUESTS = toy_requests(3, candidates=4)
ROOT = Path(__file__).parents[2]


def test_metrics_by_model_label_and_version():
    registry = prometheus_client.CollectorRegistry()
    metrics = ClientMetrics(registry)

    def value(name, **labels):
        return registry.get_sample_value(f"zoo_client_{name}", {"model": "m", **labels})

    with scripted(CODES.UNAVAILABLE, None, CODES.INTERNAL, label="canary", observers=[metrics]) as (client, _):
        rankings = client.rank(REQUESTS)
        with pytest.raises(ServingError):
            client.rank(REQUESTS)
    answered = {"label": "canary", "version": "4"}
    assert value("calls_total", code="OK", **answered) == 1
    assert value("calls_total", code="INTERNAL", label="canary", version="") == 1
    assert value("attempts_total") == 3 and value("shed_total") is None
    assert value("call_seconds_count", **answered) == 1 and value("call_seconds_sum", **answered) > 0.02, "with the pause"
    scores = np.concatenate([ranking.scores["click"] for ranking in rankings])
    assert value("score_count", task="click", **answered) == len(scores) == 12
    assert value("score_sum", task="click", **answered) == pytest.approx(scores.sum())
    assert value("score_bucket", task="click", le="1.0", **answered) == (scores <= 1).sum()
    assert value("score_bucket", task="click", le="+Inf", **answered) == 12


def test_a_span_for_each_call_whose_context_travels():
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    with scripted(CODES.UNAVAILABLE, None, CODES.INTERNAL, observers=[ClientTraces(provider)]) as (client, service):
        with provider.get_tracer("test").start_as_current_span("page"):
            client.rank(REQUESTS)
        with pytest.raises(ServingError):
            client.rank(REQUESTS)
    page, = (span for span in exported.get_finished_spans() if span.name == "page")
    good, bad = (span for span in exported.get_finished_spans() if span.name == "tensorflow.serving.PredictionService/Predict")
    assert good.parent.span_id == page.context.span_id and good.kind == trace.SpanKind.CLIENT
    assert (good.attributes["rpc.grpc.status"], good.attributes["zoo.version"], good.attributes["zoo.attempts"]) == ("OK", 4, 2)
    assert bad.attributes["rpc.grpc.status"] == "INTERNAL" and not bad.status.is_ok and bad.events[0].name == "exception"
    assert f"{good.context.trace_id:032x}" in service.metadata[0]["traceparent"]


def test_a_client_without_observers_imports_neither():
    done = subprocess.run([sys.executable, "-c", """
import sys
import serving.client, serving.async_client
assert not {'prometheus_client', 'opentelemetry'} & set(sys.modules), 'imported'
"""], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-1000:]
