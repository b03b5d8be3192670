"""What the Evaluator measured of slices, as rows: tables and pictures of them need neither a widget nor its scripts.

TFMA's own data frames (`tfma.dataframe`) leave the confidence intervals out.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.slicer import slicer_lib


class SliceRow(NamedTuple):
    """One metric on one slice.

    Args:
        model: name of the model's spec; "" where a single model was measured.
        task: name of the output; "" where there is one.
        column: that the slice is of, several joined by " × "; "" for the whole split.
        value: of that column.
        metric: name of it.
        difference: whether it is the model's value minus the baseline's.
        estimate: on all examples of the slice.
        low, high: bounds of its confidence interval; NaN where none was asked for, or none could be computed.
    """

    model: str
    task: str
    column: str
    value: str
    metric: str
    difference: bool
    estimate: float
    low: float
    high: float


def slice_rows(evaluation: str) -> list[SliceRow]:
    """Reads what TFMA wrote, of all models, their differences and all slices.

    Args:
        evaluation: URI of the Evaluator's `ModelEvaluation` artifact, or the `output_path` of `tfma.run_model_analysis`.

    Returns:
        A row for each number, by model, slice and metric.

    Example:
        >>> pd.DataFrame(slice_rows("runs/demo/din/Evaluator/evaluation/7")).query("metric == 'gauc'")
    """
    rows = []
    for of_slice in tfma.load_metrics(evaluation):
        key = slicer_lib.deserialize_slice_key(of_slice.slice_key)
        column, value = (" × ".join(str(pair[part]) for pair in key) for part in (0, 1))
        for one in of_slice.metric_keys_and_values:
            if one.value.WhichOneof("type") != "double_value":
                continue
            bounds = one.confidence_interval
            low, high = ((bounds.lower_bound.double_value.value, bounds.upper_bound.double_value.value)
                         if bounds.HasField("lower_bound") else (float("nan"), float("nan")))
            rows.append(SliceRow(one.key.model_name, one.key.output_name, column, value, one.key.name, one.key.is_diff,
                                 one.value.double_value.value, low, high))
    return sorted(rows, key=lambda row: row[:6])
