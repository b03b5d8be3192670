"""What TFMA measured, as rows: where its widget shows nothing, a table does."""

from __future__ import annotations

from typing import Any

import tensorflow_model_analysis as tfma


def slice_rows(result: tfma.EvalResult) -> list[dict[str, Any]]:
    """A row for each slice.

    Args:
        result: of `tfma.load_eval_result` or `tfma.analyze_raw_data`.

    Returns:
        `slice` (`overall`, or `feature=value, …`), a metric by its name, and where an interval was computed `NAME low` and
        `NAME high`. A metric of one output among several is named `OUTPUT/NAME`.

    Example:
        >>> pandas.DataFrame(slice_rows(tfma.load_eval_result("runs/demo/din/Evaluator/evaluation/8")))
    """
    rows = []
    for key, outputs in sorted(result.slicing_metrics, key=lambda one: one[0]):
        row: dict[str, Any] = {"slice": ", ".join(f"{name}={value}" for name, value in key) or "overall"}
        for output, of_keys in outputs.items():
            for metrics in of_keys.values():
                for name, value in metrics.items():
                    row |= _cells(f"{output}/{name}" if output else name, value)
        rows.append(row)
    return rows


def _cells(name: str, value: dict[str, Any]) -> dict[str, float]:
    bounded = value.get("boundedValue")
    if bounded is None:
        return {name: value["doubleValue"]} if "doubleValue" in value else {}
    bounds = {f"{name} low": bounded["lowerBound"], f"{name} high": bounded["upperBound"]}
    return {name: bounded["value"], **bounds}
