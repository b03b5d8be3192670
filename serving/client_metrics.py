"""A client's metrics for Prometheus: the server's know neither version nor label, these do."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import prometheus_client
from prometheus_client.core import HistogramMetricFamily

from serving.observed import CallInfo
from serving.tensors import Array

_SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0,
            5.0)
# Probabilities in fine steps; beyond 1 what a regression may say.
_SCORES = (*(round(0.001 * 1.4 ** step, 6) for step in range(20)), *(round(0.6 + 0.05 * step, 2) for step in range(9)),
           1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
_BY = ("model", "label", "version")


class ClientMetrics:
    """Counts and times a client's calls, and keeps the distribution of the scores, by model, label and version.

    `zoo_client_calls_total` (`code` too), `zoo_client_call_seconds` (retries and pauses included, failed calls too),
    `zoo_client_attempts_total`, `zoo_client_shed_total` and `zoo_client_score` (`task` too). A call that no version answered
    has the version "". Share one object between all clients of a process.

    Args:
        registry: of Prometheus; by default the process's, which `prometheus_client.start_http_server` exports.

    Raises:
        ValueError: the registry has such metrics already.

    Example:
        >>> RankingClient("localhost:8500", "din", schema, observers=[ClientMetrics()])
    """

    def __init__(self, registry: prometheus_client.CollectorRegistry = prometheus_client.REGISTRY):
        self._calls = prometheus_client.Counter(
            "zoo_client_calls", "Calls by what came of them.", (*_BY, "code"), registry=registry)
        self._seconds = prometheus_client.Histogram(
            "zoo_client_call_seconds", "Time of a call, retries and pauses included.", _BY, buckets=_SECONDS, registry=registry)
        self._attempts = prometheus_client.Counter(
            "zoo_client_attempts", "How often calls were sent.", ("model",), registry=registry)
        self._shed = prometheus_client.Counter(
            "zoo_client_shed", "Calls kept back while servers refuse most of them.", ("model",), registry=registry)
        self._scores = _Scores()
        registry.register(self._scores)

    @contextmanager
    def call(self, info: CallInfo) -> Generator[None, None, None]:
        """Counts and times a call of `Predict`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            if info.method == "Predict":
                version = "" if info.version is None else str(info.version)
                self._calls.labels(info.model, info.label, version, info.code).inc()
                self._seconds.labels(info.model, info.label, version).observe(time.perf_counter() - started)
                self._attempts.labels(info.model).inc(info.attempts)
                if info.shed:
                    self._shed.labels(info.model).inc()

    def ranked(self, label: str, model: str, version: int, scores: Mapping[str, Array]) -> None:
        """Takes the scores of a ranking into their distribution."""
        for task, values in scores.items():
            self._scores.add((model, label, str(version), task), values)


class _Scores:
    """Histograms that take an array at once: prometheus_client's own take 600 scores one by one, a millisecond a call."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], Array] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, key: tuple[str, ...], values: Array) -> None:
        # A bucket holds what is not above its bound.
        counts = np.bincount(np.searchsorted(_SCORES, values), minlength=len(_SCORES) + 1)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + counts
            self._sums[key] = self._sums.get(key, 0.0) + float(values.sum())

    def collect(self) -> Iterable[Any]:
        family = HistogramMetricFamily("zoo_client_score", "Scores of candidates.", labels=(*_BY, "task"))
        with self._lock:
            for key, counts in self._counts.items():
                below = np.cumsum(counts).tolist()
                buckets = [(str(bound), count) for bound, count in zip((*_SCORES, "+Inf"), below, strict=True)]
                family.add_metric(key, buckets, self._sums[key])
        yield family
