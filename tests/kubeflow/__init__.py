"""The compiled pipeline as Kubeflow's backend would run it, without a cluster (`make kubeflow-proof`)."""
