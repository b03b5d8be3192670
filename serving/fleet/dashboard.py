"""A Grafana dashboard of what TF Serving exports."""

from __future__ import annotations

import json
from typing import Any

from serving.fleet import metrics
from serving.fleet.description import Fleet

_SOURCE = {"type": "prometheus", "uid": "${source}"}


def dashboard(fleet: Fleet) -> str:
    """The dashboard as JSON."""
    by_pod = f"sum by (pod) (rate({metrics.of(fleet, 'request_count')}[{metrics.WINDOW}]))"
    warmup = (
        f"sum by (model_path) (increase({metrics.of(fleet, 'model_warmup_latency_sum')}[1h])) / "
        f"sum by (model_path) (increase({metrics.of(fleet, 'model_warmup_latency_count')}[1h])) / 1000"
    )
    panels = [
        ("Calls a second", "ops", [(metrics.calls(fleet, "model_name"), "{{model_name}}")], ""),
        (
            "Failed calls",
            "percentunit",
            [(metrics.error_ratio(fleet, "model_name"), "{{model_name}}")],
            "By model; there is no label for the version. What the server's thread pool refuses is not counted here.",
        ),
        ("Calls by status", "ops", [(metrics.calls(fleet, "status"), "{{status}}")], ""),
        (
            "Latency",
            "ms",
            [
                (
                    metrics.quantile_ms(fleet, "request_latency", quantile, "model_name"),
                    f"p{100 * quantile:g} {{{{model_name}}}}",
                )
                for quantile in (0.5, 0.99)
            ],
            "Of successful calls, as the server sees them; buckets grow by 1.8.",
        ),
        (
            "Latency of the graph alone",
            "ms",
            [(metrics.quantile_ms(fleet, "runtime_latency", 0.99, "model_name"), "p99 {{model_name}}")],
            "",
        ),
        ("Wait for the batch, mean", "ms", [(metrics.queueing_ms(fleet), "all models")], "Nothing where no model is batched."),
        ("Calls a second by server", "ops", [(by_pod, "{{pod}}")], "Lines apart: clients do not balance."),
        ("Servers", "short", [(f"sum({metrics.of(fleet, 'up')})", "scraped")], ""),
        ("Warm-up of new versions, mean", "ms", [(warmup, "{{model_path}}")], ""),
    ]
    return (
        json.dumps(
            {
                "title": f"TF Serving: {fleet.name}",
                "uid": f"tf-serving-{fleet.name}",
                "schemaVersion": 39,
                "version": 1,
                "tags": ["tf-serving"],
                "timezone": "utc",
                "refresh": "30s",
                "time": {"from": "now-3h", "to": "now"},
                "templating": {
                    "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
                },
                "panels": [_panel(number, *panel) for number, panel in enumerate(panels)],
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def _panel(number: int, title: str, unit: str, queries: list[tuple[str, str]], text: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": text,
        "datasource": _SOURCE,
        "gridPos": {"x": 8 * (number % 3), "y": 8 * (number // 3), "w": 8, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for at, (query, legend) in enumerate(queries)
        ],
    }
