"""The picture of a check: when requests came, what was positive and where, what is known, and what ranks alone."""

from __future__ import annotations

import io
import math
from datetime import datetime, timezone
from typing import Any

import numpy as np
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.check.times import DAY, HOUR
from zoo.data.log_shard import SPLITS

_COLORS = {"train": "#2f6db5", "validation": "#8a8f98", "test": "#d9822b"}
_LINES = ("-", "--", ":", "-.")
_MOST_FEATURES = 12


def check_picture(report: dict[str, Any]) -> bytes:
    """Draws six panels.

    Args:
        report: of `check_log`.

    Returns:
        A PNG.
    """
    # Not by pyplot, which would choose how a notebook shows its own pictures.
    figure = Figure(figsize=(15, 8.5), layout="constrained")
    # Each row has a layout of its own: long names in one make no gap in the other.
    panels = ((_requests, _rates, _positions), (_histories, _unknown, _alone))
    for row, draws in zip(figure.subfigures(2, 1), panels, strict=True):
        for axis, draw in zip(row.subplots(1, 3), draws, strict=True):
            draw(axis, report)
            axis.grid(alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
    warnings = len(report["findings"])
    figure.suptitle(f"{report['name']}: {report['rows']['requests']:,} requests, "
                    f"{warnings or 'no'} warning{'' if warnings == 1 else 's'}".replace("$", r"\$"), fontweight="bold")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    return picture.getvalue()


def _requests(axis: Axes, report: dict[str, Any]) -> None:
    if not (found := _over_time(axis, report)):
        axis.set(title="Requests")
        axis.text(0.5, 0.5, "the log has no times", ha="center", va="center", transform=axis.transAxes)
        return
    moments, width, unit = found
    floor = np.zeros(len(moments))
    for split in SPLITS:
        counts = np.array([step[split]["requests"] for step in report["time"]["steps"]], float)
        axis.bar(moments, counts, width, bottom=floor, color=_COLORS[split], label=split, align="edge")
        floor += counts
    axis.set(title=f"Requests, by {unit}", ylabel="requests")
    axis.legend(frameon=False, loc="upper left", ncols=3)
    axis.set_ylim(0, 1.18 * floor.max())


def _rates(axis: Axes, report: dict[str, Any]) -> None:
    """How often candidates were positive."""
    axis.set(title="Positive candidates")
    if not (found := _over_time(axis, report)):
        return
    moments, width, unit = found
    for label, line in zip(report["positions"], _LINES * 9, strict=False):
        for split in SPLITS:
            rates = [_ratio(step[split].get(f"positives_{label}", 0), step[split].get(f"observed_{label}", 0))
                     for step in report["time"]["steps"]]
            axis.plot([moment + width / 2 for moment in moments], rates, line, marker=".", color=_COLORS[split],
                      label=label if split == "train" else None)
    axis.set(title=f"Positive candidates, by {unit}", ylabel="share", ylim=(0, 1.15 * axis.get_ylim()[1]))
    axis.yaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    if len(report["positions"]) > 1:
        axis.legend(frameon=False)


def _positions(axis: Axes, report: dict[str, Any]) -> None:
    for (label, by_split), line in zip(report["positions"].items(), _LINES * 9, strict=False):
        for split, places in by_split.items():
            axis.plot([one["position"] for one in places], [one["positives"] / one["observed"] for one in places], line,
                      marker=".", color=_COLORS[split], label=split if label == report["labels"][0] else None)
    axis.set(title="Positive candidates, by position", xlabel="position on the page", ylabel="share",
             ylim=(0, 1.15 * axis.get_ylim()[1]))
    axis.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axis.yaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    axis.legend(frameon=False)


def _histories(axis: Axes, report: dict[str, Any]) -> None:
    """Of the first sequence."""
    name = next(iter(report["splits"]["train"]["histories"]), None)
    axis.set(title="History lengths")
    if name is None:
        return
    for place, split in enumerate(SPLITS):
        found = report["splits"][split]["histories"][name]
        total = sum(one["requests"] for one in found["counts"]) or 1
        axis.bar([number + 0.27 * (place - 1) for number in range(len(found["counts"]))],
                 [one["requests"] / total for one in found["counts"]], 0.27, color=_COLORS[split], label=split)
    bounds = [one["from"] for one in report["splits"]["train"]["histories"][name]["counts"]]
    ends = [f"{low}" if high - low == 1 else f"{low}-{high - 1}" for low, high in zip(bounds, bounds[1:], strict=False)]
    axis.set_xticks(range(len(bounds)), [*ends, f"{bounds[-1]}"], fontsize=8)
    axis.set(title=f"Events in {name}", xlabel="events", ylabel="share of requests")
    axis.yaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    axis.legend(frameon=False)


def _unknown(axis: Axes, report: dict[str, Any]) -> None:
    spaces = list(report["unknown"])[::-1]
    for place, split in enumerate(("validation", "test")):
        shares = [report["unknown"][space].get(split, {}).get("seldom", 0.0) for space in spaces]
        axis.barh([number + 0.19 - 0.38 * place for number in range(len(spaces))], np.nan_to_num(shares), 0.38,
                  color=_COLORS[split], label=split)
    axis.set_yticks(range(len(spaces)), [_short(space) for space in spaces])
    axis.set(title="Ids that are unknown after training", xlabel="share of values")
    axis.xaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    axis.legend(frameon=False)


def _alone(axis: Axes, report: dict[str, Any]) -> None:
    """Training and test AUC of single features; where the two lie apart, something is counted that is not known later."""
    found = report["alone"][:_MOST_FEATURES][::-1]
    several = len(report["positions"]) > 1
    for place, one in enumerate(found):
        ends = [one["auc"][split] for split in SPLITS if not math.isnan(one["auc"].get(split, math.nan))]
        if ends:
            axis.plot([min(ends), max(ends)], [place, place], color="#cccccc", zorder=1)
        for split in SPLITS:
            axis.scatter([one["auc"].get(split, math.nan)], [place], color=_COLORS[split], s=28, zorder=2,
                         label=split if place == 0 else None)
    names = [_short(one["feature"]) + (f" ({one['label']})" if several else "") for one in found]
    axis.set_yticks(range(len(found)), names, fontsize=8)
    axis.axvline(0.5, color="#333333", linewidth=0.8)
    axis.set(title="AUC of a feature alone", xlabel="AUC")
    axis.legend(frameon=False, fontsize=8)


def _over_time(axis: Axes, report: dict[str, Any]) -> tuple[list[float], float, str] | None:
    """Where the steps begin, how wide they are, and what they are called; sets the axis."""
    time = report["time"]
    if time is None:
        return None
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    begins = [datetime.fromtimestamp(step["from"], timezone.utc) for step in time["steps"]]
    unit = {HOUR: "hour", DAY: "day"}.get(time["step"], "week")
    return [float(dates.date2num(begin)) for begin in begins], time["step"] / DAY, unit


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _short(name: str) -> str:
    """For a picture: what is long is cut, and nothing is taken for a formula."""
    return (name if len(name) <= 44 else name[:43] + "…").replace("$", r"\$")
