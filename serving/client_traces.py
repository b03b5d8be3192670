"""A client's traces for OpenTelemetry: a span for each call, whose context travels to the server."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace

from serving.observed import CallInfo
from serving.tensors import Array


class ClientTraces:
    """Makes a span of each call, named and described as OpenTelemetry's conventions for RPC have it.

    The spans go wherever the process's tracer provider sends them; without one they cost next to nothing.

    Args:
        provider: of tracers; by default the process's.

    Example:
        >>> RankingClient("localhost:8500", "din", schema, observers=[ClientTraces()])
    """

    def __init__(self, provider: trace.TracerProvider | None = None):
        self._tracer = trace.get_tracer("cascade-zoo.client", tracer_provider=provider)

    @contextmanager
    def call(self, info: CallInfo) -> Generator[None, None, None]:
        """A span around a call; an error is recorded in it."""
        service = "ModelService" if info.method == "GetModelStatus" else "PredictionService"
        described = {"rpc.system": "grpc", "rpc.service": f"tensorflow.serving.{service}", "rpc.method": info.method,
                     "server.address": info.target, "zoo.model": info.model, "zoo.signature": info.signature,
                     "zoo.label": info.label}
        name = f"tensorflow.serving.{service}/{info.method}"
        with self._tracer.start_as_current_span(name, kind=trace.SpanKind.CLIENT, attributes=described) as span:
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            info.metadata += carrier.items()
            try:
                yield
            finally:
                span.set_attribute("rpc.grpc.status", info.code)
                span.set_attribute("zoo.attempts", info.attempts)
                if info.version is not None:
                    span.set_attribute("zoo.version", info.version)

    def ranked(self, label: str, model: str, version: int, scores: Mapping[str, Array]) -> None:
        """Scores are no part of a trace."""
