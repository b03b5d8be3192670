"""metrics-server as part of the API: what pods use of CPU and memory, for the autoscaler."""

from __future__ import annotations

from tests.kubernetes.kubectl import create

_CONTROL, _PORT = "10.98.0.1", 4443


def metrics_api() -> None:
    """Tells the API server where metrics-server is: beside it, not in a pod."""
    create(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics-server", "namespace": "kube-system"},
         "spec": {"ports": [{"name": "https", "port": 443, "targetPort": _PORT}]}},
        # Not a slice: Kubernetes 1.33 looks for this kind before it asks an API of others, and makes the slice of it.
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "metrics-server", "namespace": "kube-system"},
         "subsets": [{"addresses": [{"ip": _CONTROL}], "ports": [{"name": "https", "port": _PORT, "protocol": "TCP"}]}]},
        {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
         "spec": {"service": {"name": "metrics-server", "namespace": "kube-system"}, "group": "metrics.k8s.io",
                  "version": "v1beta1", "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100}},
        namespace=None)
