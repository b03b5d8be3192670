"""TFMA's results as rows."""

from __future__ import annotations

from types import SimpleNamespace

from tfx_pipelines.slices import slice_rows


def test_rows_are_slices_and_intervals_are_columns():
    bounded = {"boundedValue": {"value": 0.7, "lowerBound": 0.6, "upperBound": 0.8}}
    result = SimpleNamespace(slicing_metrics=[
        ((("device", "d1"), ("hour", 3)), {"": {"": {"auc": bounded, "histogram": {"arrayValue": {}}}}}),
        ((), {"": {"": {"auc": {"doubleValue": 0.5}}}, "order": {"": {"auc": {"doubleValue": 0.9}}}}),
    ])
    assert slice_rows(result) == [{"slice": "overall", "auc": 0.5, "order/auc": 0.9},
                                  {"slice": "device=d1, hour=3", "auc": 0.7, "auc low": 0.6, "auc high": 0.8}]
