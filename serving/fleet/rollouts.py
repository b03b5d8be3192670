"""Argo Rollouts as an option: new pods come step by step and are judged by their own metrics."""

from __future__ import annotations

from typing import Any

from serving.fleet import metrics
from serving.fleet.commented import Why
from serving.fleet.description import Fleet
from serving.fleet.names import labels, metadata


def rollout(fleet: Fleet) -> dict[str, Any]:
    """The Rollout, which takes its pods from the Deployment."""
    steps: list[Any] = []
    for weight in (10, 25, 50):
        steps += [
            {"setWeight": weight},
            {"pause": {"duration": "5m"}},
            {
                "analysis": {
                    "templates": [{"templateName": fleet.name}],
                    "args": [{"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}}],
                }
            },
        ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": metadata(fleet),
        "spec": {
            "selector": {"matchLabels": labels(fleet)},
            "minReadySeconds": fleet.server.connection_age_s,
            "workloadRef": Why(
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": fleet.name, "scaleDown": "onsuccess"},
                "The pods are described once, in the Deployment, which is scaled down when the Rollout stands.",
            ),
            "strategy": {
                "canary": {
                    "maxSurge": "25%",
                    "maxUnavailable": 0,
                    "steps": Why(
                        steps, "Weights are shares of the pods: callers balance over all of them, so no mesh is needed."
                    ),
                }
            },
        },
    }


def analysis(fleet: Fleet) -> dict[str, Any]:
    """The AnalysisTemplate: a canary has pods of its own, so the server's metrics can tell it apart after all."""
    pods = f'pod=~"{fleet.name}-{{{{args.hash}}}}-.+"'
    calls = metrics.calls(fleet, "", pods)
    failed = metrics.calls(fleet, "", pods, 'status!="OK"')
    bucket = metrics.of(fleet, "request_latency_bucket", pods)
    slow = f"histogram_quantile(0.99, sum by (le) (rate({bucket}[{metrics.WINDOW}]))) / 1000"
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": metadata(fleet),
        "spec": {
            "args": [{"name": "hash"}],
            "metrics": [
                Why(
                    _metric(fleet, "calls", calls, "len(result) > 0 && result[0] > 0"),
                    "Without calls the others would say nothing.",
                ),
                _metric(
                    fleet,
                    "failed",
                    f"({failed} or vector(0)) / {calls}",
                    f"len(result) > 0 && result[0] <= {fleet.traffic.error_ratio:g}",
                ),
                _metric(fleet, "p99-ms", slow, f"len(result) > 0 && result[0] <= {fleet.traffic.p99_ms:g}"),
            ],
        },
    }


def patches(fleet: Fleet) -> dict[str, list[Any]]:
    """By kind, what the Rollout changes in the base."""
    scaler = "ScaledObject" if fleet.autoscaling == "keda" else "HorizontalPodAutoscaler"
    return {
        "Deployment": [Why({"op": "add", "path": "/spec/replicas", "value": 0}, "Its pods are the Rollout's.")],
        scaler: [
            {
                "op": "replace",
                "path": "/spec/scaleTargetRef",
                "value": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": fleet.name},
            }
        ],
    }


def _metric(fleet: Fleet, name: str, query: str, condition: str) -> dict[str, Any]:
    return {
        "name": name,
        "interval": "1m",
        "count": 5,
        "failureLimit": 1,
        "successCondition": condition,
        "provider": {"prometheus": {"address": fleet.monitoring.address, "query": query}},
    }
