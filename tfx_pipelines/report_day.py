"""What a daily run says of its day: what was learned and tested, where it began, how vocabularies grew, what moved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx_pipelines.components.drift_check import FILE
from tfx_pipelines.components.pusher import DELTA
from tfx_pipelines.config import RunConfig
from tfx_pipelines.day_files import read_json
from tfx_pipelines.learned_days import DAYS
from tfx_pipelines.runners.local import LocalRun
from zoo import files

_COUNTS = ("rows", "kept", "admitted", "evicted", "waiting", "forgotten")


def of_day(run: LocalRun, config: RunConfig, training: Mapping[str, Any]) -> dict[str, Any] | None:
    """The part of a report about the day; None for a run that is not daily.

    Args:
        run: what the runner saw.
        config: of the run.
        training: what the Trainer left.
    """
    growth = training.get("growth")
    if growth is None:
        return None
    examples = next((values for (stage, _), values in run.properties.items() if stage.endswith("ExampleGen")), {})
    days = json.loads(examples[DAYS]) if DAYS in examples else {}
    pushed = run.properties.get(("Pusher", "pushed_model"), {})
    distances = run.artifacts.get(("DriftCheck", "distances"))
    return {"span": growth["span"], "learned": days.get("train"), "tested": days.get("test"), "warm_start": growth["warm"],
            "from_version": growth["from_version"], "began_anew_because": growth["reason"] or None,
            "vocabularies": growth["spaces"],
            "distances": read_json(files.join(distances, FILE)) if distances else None,
            "delta": json.loads(pushed[DELTA]) if DELTA in pushed else None}


def day_lines(daily: Mapping[str, Any] | None) -> list[str]:
    """The same in Markdown; nothing for a run that is not daily."""
    if daily is None:
        return []
    lines = ["## The day", "", in_words(daily) + ".", "",
             "| vocabulary | " + " | ".join(_COUNTS) + " |", "| --- |" + " --- |" * len(_COUNTS)]
    lines += [f"| {name} | " + " | ".join(f"{counts[one]:,}" for one in _COUNTS) + " |"
              for name, counts in daily["vocabularies"].items()]
    if daily["delta"]:
        lines += ["", delta_in_words(daily["delta"]) + "."]
    for check, columns in (daily["distances"] or {}).items():
        lines += ["", f"| column | {check} | most |", "| --- | --- | --- |"]
        lines += [f"| {name} | {one['distance']:.3f} | {one['most']:g} |" for name, one in columns.items()]
    return [*lines, ""]


def delta_in_words(delta: Mapping[str, int]) -> str:
    """How much changed from the model before, in a sentence."""
    return (f"The delta to the model before has {delta['rows']:,} of {delta['rows_of']:,} rows, {delta['tensors']:,} other "
            f"tensors and {delta['bytes']:,} bytes; the model has {delta['model_bytes']:,}")


def in_words(daily: Mapping[str, Any]) -> str:
    """Where the training began and what became of the vocabularies, in a sentence."""
    begin = (f"went on from version {daily['from_version']}" if daily["warm_start"]
             else f"began anew: {daily['began_anew_because']}")
    sums = {one: sum(counts[one] for counts in daily["vocabularies"].values()) for one in _COUNTS}
    return (f"Span {daily['span']} {begin}; ids: {sums['kept']:,} kept, {sums['admitted']:,} admitted, {sums['evicted']:,} "
            f"evicted, {sums['waiting']:,} waiting")
