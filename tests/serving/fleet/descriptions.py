"""Descriptions of fleets to render, from the smallest to one that asks for everything."""

from __future__ import annotations

from typing import Any

from serving.fleet.description import Fleet
from zoo.config import merged, parse

SMALL: dict[str, Any] = {
    "name": "ranking",
    "namespace": "shop",
    "models": {"din": {"source": "gs://models/din", "size_gib": 2.5}},
    "storage": {"image": "shop/zoo:1.2.3"},
    "traffic": {"peak_calls_per_second": 900, "calls_per_second_a_replica": 120},
}
FULL: dict[str, Any] = merged(
    SMALL,
    {
        "models": {
            "din": {
                "versions": {"specific": [3, 4]},
                "labels": {"stable": 3, "canary": 4},
                "tried_with_xla": True,
                "batching": {"max_batch_size": 12},
            },
            "two_towers": {
                "source": "s3://models/two towers",
                "size_gib": 1,
                "versions": {"latest": 2},
                "tried_with_xla": True,
                "batching": {"inputs": "[R]", "max_batch_size": 64, "allowed_batch_sizes": [8, 64]},
            },
            "rerank": {"source": "s3://models/rerank", "size_gib": 0.5, "tried_with_xla": True},
        },
        "storage": {"secret": "store", "keep": 2},
        "server": {"xla": True},
        "gpu": {"memory_gib": 80},
        "traffic": {"client_namespace": "rankers"},
        "argo_rollouts": True,
        "kserve": {"versions": {"din": 3, "two_towers": 1, "rerank": 1}, "canaries": {"din": {"version": 4, "percent": 5}}},
    },
)
VOLUME = merged(
    SMALL,
    {
        "models": {"din": {"source": "/source/din"}},
        "storage": {"volume": "models", "image": "zoo@sha256:" + 64 * "a"},
        "kserve": {"versions": {"din": 3}},
    },
)
FOLLOWS = merged(SMALL, {"storage": {"rollout": "s3://models/rollout.yaml"}})
TLS = merged(FOLLOWS, {"tls": {"secret": "ranking-tls", "mutual": True}})
KEDA = merged(FULL, {"autoscaling": "keda"})
ALL = {"follows": FOLLOWS, "tls": TLS, "small": SMALL, "full": FULL, "keda": KEDA, "volume": VOLUME}


def described(*changes: dict[str, Any], base: dict[str, Any] = SMALL) -> Fleet:
    """A fleet from a description, changed."""
    values = base
    for change in changes:
        values = merged(values, change)
    return parse(Fleet, values, where="fleet.yaml")
