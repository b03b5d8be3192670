"""A picture of a load: latency over time, and its distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from serving.load.load import LoadResult
from zoo import files


def plot(results: Sequence[LoadResult], path: files.PathLike) -> None:
    """Writes a picture: left, the latency of each call when it was due; right, which share of the calls took longer than what.

    Args:
        results: one or more loads, each a colour.
        path: of the picture; its ending says the format.
    """
    # Not by pyplot, which would choose how a notebook shows its own pictures.
    figure: Any = Figure(figsize=(11, 4), layout="constrained")
    over_time, share = figure.subplots(1, 2)
    for result in results:
        good = np.sort(result.latency_ms[~np.isnan(result.latency_ms)])
        name = f"{result.rate:g} calls/s"
        over_time.plot(result.due_s, result.latency_ms, ".", markersize=2, label=name)
        share.plot(good, 1 - np.arange(len(good)) / max(1, len(good)), label=name)
    over_time.set(xlabel="seconds", ylabel="ms from when a call was due", yscale="log", title="Latency over time")
    share.set(xlabel="ms", ylabel="share of the calls that take longer", xscale="log", yscale="log", title="Distribution")
    share.legend()
    for axes in (over_time, share):
        axes.grid(alpha=0.3)
    with files.local_draft(path) as local:
        figure.savefig(local, dpi=110)
