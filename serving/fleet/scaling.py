"""How many servers there are, and how few may be taken away at once."""

from __future__ import annotations

from typing import Any

from serving.fleet import metrics
from serving.fleet.commented import Why
from serving.fleet.description import Fleet
from serving.fleet.names import labels, metadata

# Of what a server was measured to bear; the rest is for the time until a new one answers.
_HEADROOM = 0.7
CALLS, QUEUEING = "tf_serving_calls_per_second", "tf_serving_queueing_milliseconds"


def budget(fleet: Fleet) -> dict[str, Any]:
    """PodDisruptionBudget."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(fleet),
        "spec": {
            "maxUnavailable": Why(1, "Drains of nodes take one server at a time."),
            "unhealthyPodEvictionPolicy": Why(
                "AlwaysAllow", "A pod that is not ready serves nobody, and must not block a drain."
            ),
            "selector": {"matchLabels": labels(fleet)},
        },
    }


def autoscaler(fleet: Fleet) -> dict[str, Any]:
    """HorizontalPodAutoscaler."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(fleet),
        "spec": {
            "scaleTargetRef": target(fleet),
            "minReplicas": fleet.replicas.min,
            "maxReplicas": fleet.replicas.max,
            "metrics": [
                Why(
                    _pods_metric(CALLS, target_calls(fleet)),
                    "Calls a server: known before it is late. From prometheus-adapter (cluster/prometheus-adapter.yaml).",
                ),
                *(
                    [Why(_pods_metric(QUEUEING, fleet.traffic.queueing_ms), "Time that requests wait for their batch.")]
                    if fleet.batched
                    else []
                ),
                Why(
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                    },
                    "What is left where the adapter fails. It says little of a GPU.",
                ),
            ],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
                },
                "scaleDown": Why(
                    {"stabilizationWindowSeconds": 600, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]},
                    "Slowly: a server that comes back must load its models.",
                ),
            },
        },
    }


def keda(fleet: Fleet) -> dict[str, Any]:
    """ScaledObject: the same by KEDA, which asks Prometheus itself."""
    triggers: list[Any] = [_trigger(fleet, metrics.calls(fleet), target_calls(fleet), "AverageValue")]
    if fleet.batched:
        triggers.append(
            Why(
                _trigger(fleet, metrics.queueing_ms(fleet), fleet.traffic.queueing_ms, "Value"),
                "Time that requests wait for their batch.",
            )
        )
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(fleet),
        "spec": {
            "scaleTargetRef": target(fleet),
            "minReplicaCount": fleet.replicas.min,
            "maxReplicaCount": fleet.replicas.max,
            "pollingInterval": 15,
            "cooldownPeriod": 600,
            "fallback": Why(
                {"failureThreshold": 3, "replicas": fleet.replicas.max},
                "Prometheus is away: servers enough for the peak, whatever comes.",
            ),
            "triggers": triggers,
        },
    }


def adapter_rules(fleet: Fleet) -> dict[str, Any]:
    """Values of prometheus-adapter's chart: the HorizontalPodAutoscaler's metrics."""
    prefix, window = metrics.PREFIX, metrics.WINDOW
    total, count = (
        f"sum(rate({prefix}batching_session:queuing_latency_{part}{{<<.LabelMatchers>>}}[{window}])) by (<<.GroupBy>>)"
        for part in ("sum", "count")
    )
    rules = [_rule("request_count", CALLS, f"sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[{window}])) by (<<.GroupBy>>)")]
    if fleet.batched:
        rules.append(_rule("batching_session:queuing_latency_count", QUEUEING, f"{total} / {count} / 1000"))
    return {"rules": {"custom": rules}}


def target(fleet: Fleet) -> dict[str, Any]:
    """What is scaled."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": fleet.name}


def target_calls(fleet: Fleet) -> float:
    """Calls a second that a server should have."""
    return _HEADROOM * fleet.traffic.calls_per_second_a_replica


def _pods_metric(name: str, value: float) -> dict[str, Any]:
    return {
        "type": "Pods",
        "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": f"{round(1000 * value)}m"}},
    }


def _trigger(fleet: Fleet, query: str, threshold: float, kind: str) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "metricType": kind,
        "metadata": {"serverAddress": fleet.monitoring.address, "query": query, "threshold": f"{threshold:g}"},
    }


def _rule(series: str, name: str, query: str) -> dict[str, Any]:
    return {
        "seriesQuery": f'{metrics.PREFIX}{series}{{namespace!="",pod!=""}}',
        "resources": {"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}},
        "name": {"as": name},
        "metricsQuery": query,
    }
