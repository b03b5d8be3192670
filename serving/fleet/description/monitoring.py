"""Where Prometheus runs."""

from __future__ import annotations

from serving.fleet.description.fields import Name
from zoo.config import Config


class Monitoring(Config):
    """Where Prometheus runs.

    Args:
        namespace: of Prometheus.
        address: that KEDA and Argo Rollouts ask.
        labels: by which the operator finds ServiceMonitor and rules.
    """

    namespace: Name = "monitoring"
    address: str = "http://prometheus-operated.monitoring.svc:9090"
    labels: dict[str, str] = {"release": "prometheus"}
