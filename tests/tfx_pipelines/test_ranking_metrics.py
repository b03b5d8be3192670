"""The Evaluator's metrics, of batches of requests."""

from __future__ import annotations

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from tfx_pipelines import ranking_metrics
from tfx_pipelines.ranking_metrics import Auc, Calibration, Gauc, Weight
from zoo.metrics import auc, gauc

METRICS = [metric(group_key="user") for metric in (Auc, Gauc, Calibration, Weight)]


def batch(rng: np.random.Generator, requests: int, candidates: int) -> dict[str, np.ndarray]:
    """A batch as the model's signatures give it: what is padding weighs 0."""
    shown = np.arange(candidates) < rng.integers(1, candidates + 1, (requests, 1))
    return {"features": {"user": np.array([[f"u{n}".encode()] for n in rng.integers(0, 5, requests)], object)},
            "labels": np.where(shown, rng.integers(0, 2, shown.shape), np.nan).astype(np.float32),
            "predictions": rng.random(shown.shape).astype(np.float32),
            "example_weights": (shown * rng.choice([0.5, 2.0], shown.shape)).astype(np.float32)}


def values(batches: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """Of all metrics, collected by two workers."""
    found = {}
    for metric in METRICS:
        collecting, derived = metric.computations(example_weighted=True)
        assert collecting == METRICS[0].computations(example_weighted=True)[0], "collected once for all"
        workers = [collecting.combiner.create_accumulator() for _ in range(2)]
        for number, one in enumerate(batches):
            workers[number % 2] = collecting.combiner.add_input(workers[number % 2], metric_types.StandardMetricInputs(one))
        collected = collecting.combiner.extract_output(collecting.combiner.merge_accumulators(workers))
        result = derived.result(collected)
        assert set(result) == set(derived.keys)
        found |= {key.name: value for key, value in result.items()}
    return found


@pytest.mark.parametrize("parts", [512, 2])
def test_metrics_are_those_of_all_impressions(monkeypatch, parts):
    monkeypatch.setattr(ranking_metrics, "_PARTS_A_BLOCK", parts)
    rng = np.random.default_rng(0)
    batches = [batch(rng, requests, candidates) for requests, candidates in ((40, 3), (1, 8), (7, 1), (1, 1), (30, 5))]
    names = ("labels", "predictions", "example_weights")
    flat = {name: np.concatenate([one[name].ravel() for one in batches]) for name in names}
    users = np.concatenate([np.repeat(one["features"]["user"].ravel(), one["labels"].shape[1]) for one in batches]).astype(str)
    kept = flat["example_weights"] > 0
    y, p, w = (flat[name][kept] for name in names)
    grouped = gauc(users[kept], y, p, w)
    assert values(batches) == pytest.approx({
        "auc": auc(y, p, w), "gauc": grouped.value, "gauc_groups": grouped.groups,
        "gauc_skipped_groups": grouped.skipped_groups, "calibration": (p @ w) / (y @ w), "weight": w.sum()}, rel=1e-6)


def test_without_an_impression_nothing_is_known():
    found = values([])
    assert found.pop("weight") == found.pop("gauc_groups") == found.pop("gauc_skipped_groups") == 0
    assert all(np.isnan(value) for value in found.values()) and set(found) == {"auc", "gauc", "calibration"}
