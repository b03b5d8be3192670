"""Prometheus alerts on what TF Serving exports."""

from __future__ import annotations

from typing import Any

from serving.fleet import metrics
from serving.fleet.commented import Why
from serving.fleet.description import Fleet
from serving.fleet.names import metadata


def groups(fleet: Fleet) -> dict[str, Any]:
    """A rule file of Prometheus."""
    traffic, up = fleet.traffic, metrics.of(fleet, "up")
    pods = f"count(sum by (pod) (rate({metrics.of(fleet, 'request_count')}[{metrics.WINDOW}])) > 0)"
    warmup = metrics.of(fleet, "model_warmup_latency_count", 'status!="OK"')
    rules: list[Any] = [
        _alert(
            "TooFewServers",
            f"(sum({up}) or vector(0)) < {fleet.replicas.min}",
            "10m",
            "page",
            f"fewer than {fleet.replicas.min} servers answer Prometheus",
            "kubectl get pods: pending ones say what is missing; ready ones that are not scraped point to the ServiceMonitor.",
        ),
        _alert(
            "CallsFail",
            f"{metrics.error_ratio(fleet)} > {traffic.error_ratio:g}",
            "5m",
            "page",
            f"more than {traffic.error_ratio:.2%} of the calls fail",
            "Which model and status: the dashboard. After a push, roll it back first and look for the cause afterwards.",
        ),
        _alert(
            "ModelFails",
            f"{metrics.error_ratio(fleet, 'model_name')} > {5 * traffic.error_ratio:g}",
            "5m",
            "page",
            "calls of {{ $labels.model_name }} fail",
            "Roll back its last version; the others are not touched.",
        ),
        _alert(
            "CallsRefused",
            f"{metrics.calls(fleet, 'model_name', _status('INVALID_ARGUMENT'))} > 0.1",
            "15m",
            "ticket",
            "{{ $labels.model_name }} refuses requests",
            "A caller sends another schema than the model's, or more requests a call than max_batch_size.",
        ),
        Why(
            _alert(
                "CallsAreSlow",
                f"{metrics.quantile_ms(fleet, 'request_latency', 0.99, 'model_name')} > {traffic.p99_ms:g}",
                "10m",
                "page",
                f"p99 of {{{{ $labels.model_name }}}} is above {traffic.p99_ms:g} ms",
                "Queueing high too: add servers. Queueing low: the model is slow; was one pushed, or do requests have more "
                "candidates?",
            ),
            "Successful calls only, and buckets grow by 1.8: the quantile is coarse. The client's own is what users wait for.",
        ),
        _alert(
            "NoCalls",
            f"{metrics.calls(fleet)} == 0",
            "15m",
            "ticket",
            "nobody calls the fleet",
            "Callers need the labels that the NetworkPolicy names, and the headless Service's name.",
        ),
        Why(
            _alert(
                "ServersWithoutCalls",
                f"sum({up}) - ({pods} or vector(0)) > 0 and on() {metrics.calls(fleet)} > 0",
                "15m",
                "ticket",
                "{{ $value }} servers get no calls while others do",
                "Clients must balance (round_robin over the headless Service) and connect anew: look at "
                "grpc.max_connection_age_ms and at the clients' balancing policy.",
            ),
            "More servers help nobody if clients stay with the old ones.",
        ),
        _alert(
            "WarmupFails",
            f"increase({warmup}[1h]) > 0",
            "0m",
            "ticket",
            "the warm-up of {{ $labels.model_path }} failed",
            "The version was not taken, and the old one serves. Export and push it anew.",
        ),
    ]
    if fleet.batched:
        rules.insert(
            5,
            _alert(
                "QueueIsLong",
                f"{metrics.queueing_ms(fleet)} > {4 * traffic.queueing_ms:g}",
                "10m",
                "ticket",
                "requests wait long for their batch",
                "The autoscaler is at its end, or more batch threads are needed.",
            ),
        )
    return {"groups": [{"name": fleet.name, "rules": rules}]}


def rule(fleet: Fleet) -> dict[str, Any]:
    """The same for the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata(fleet, **fleet.monitoring.labels),
        "spec": groups(fleet),
    }


def _status(status: str) -> str:
    return f'status="{status}"'


def _alert(name: str, query: str, lasting: str, severity: str, summary: str, action: str) -> dict[str, Any]:
    return {
        "alert": f"Serving{name}",
        "expr": query,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary[0].upper() + summary[1:] if summary[0] != "{" else summary, "action": action},
    }
