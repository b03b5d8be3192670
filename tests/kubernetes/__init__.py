"""The rendered fleet on a real Kubernetes with real pods, on this machine alone (`make kubernetes-proof`)."""
