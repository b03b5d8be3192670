"""Rows of what TFMA measured: of its own files, and of a run's Evaluator."""

from __future__ import annotations

import math

import pytest
from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as pb

from tfx_pipelines.slices import SliceRow, slice_rows
from zoo.keras import tf


def metric(name: str, value: float, *bounds: float, model: str = "", difference: bool = False):
    """One of a slice's metrics, as TFMA writes it."""
    one = pb.MetricsForSlice.MetricKeyAndValue(key=pb.MetricKey(name=name, model_name=model, is_diff=difference))
    one.value.double_value.value = value
    for bound, known in zip(("lower_bound", "upper_bound"), bounds, strict=False):
        getattr(one.confidence_interval, bound).double_value.value = known
    return one


def write(folder, *slices: pb.MetricsForSlice) -> str:
    with tf.io.TFRecordWriter(str(folder / "metrics-00000-of-00001.tfrecord")) as writer:
        for one in slices:
            writer.write(one.SerializeToString())
    return str(folder)


def test_each_number_is_a_row_with_its_bounds(tmp_path):
    everything = pb.MetricsForSlice(metric_keys_and_values=[
        metric("gauc", 0.7, 0.65, 0.75, model="din"), metric("gauc", 0.02, -0.01, 0.05, model="din", difference=True)])
    crossed = pb.MetricsForSlice(metric_keys_and_values=[metric("auc", 0.6, model="lr")])
    crossed.slice_key.single_slice_keys.add(column="device", bytes_value=b"d1")
    crossed.slice_key.single_slice_keys.add(column="hour", int64_value=7)
    crossed.metric_keys_and_values.add(key=pb.MetricKey(name="curve")).value.bytes_value = b"no number"
    first, second, third = slice_rows(write(tmp_path, crossed, everything))
    assert first == SliceRow("din", "", "", "", "gauc", False, 0.7, 0.65, 0.75)
    assert second == SliceRow("din", "", "", "", "gauc", True, 0.02, -0.01, 0.05)
    assert third[:7] == ("lr", "", "device × hour", "d1 × 7", "auc", False, 0.6)
    assert math.isnan(third.low) and math.isnan(third.high)


@pytest.mark.slow
def test_a_run_has_its_metrics_of_the_whole_split(ran):
    run, report = ran
    rows = {row.metric: row for row in slice_rows(run.artifacts["Evaluator", "evaluation"])
            if not row.difference and row.model != "baseline"}
    assert {row.column for row in rows.values()} == {""}
    assert rows["gauc"].estimate == pytest.approx(report["metrics"]["gauc"]["value"], abs=1e-5)
