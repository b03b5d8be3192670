"""The picture of a run: learning curve, ROC, calibration, and how well each group is ranked."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.metrics.gauc import group_auc
from zoo.training import Scored

_BLUE, _ORANGE, _GREY = "#2f6db5", "#d9822b", "#8a8f98"


def report_picture(report: dict[str, Any], history: list[dict[str, Any]], scored: Scored, group_key: str,
                   task: str) -> bytes:
    """Draws four panels.

    Args:
        report: the content of `report.json`.
        history: one entry an epoch.
        scored: the test split.
        group_key: of GAUC.
        task: which label.

    Returns:
        A PNG.
    """
    # Not by pyplot, which would choose how a notebook shows its own pictures.
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    axes = figure.subplots(2, 2)
    _learning(axes[0, 0], history, report["training"]["best_epoch"])
    _roc(axes[0, 1], scored, task, report["metrics"]["auc"])
    _calibration(axes[1, 0], report["metrics"]["calibration"], scored, task)
    _groups(axes[1, 1], scored, group_key, task, report["metrics"]["gauc"]["value"])
    for axis in axes.flat:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{report['model']} on {report['dataset']}, test split", fontweight="bold")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    return picture.getvalue()


def _learning(axis: Axes, history: list[dict[str, Any]], best: int) -> None:
    epochs = [entry["epoch"] for entry in history]
    axis.plot(epochs, [entry["loss"] for entry in history], "o-", color=_GREY, label="training loss")
    axis.plot(epochs, [entry["validation"]["logloss"] for entry in history], "o-", color=_ORANGE,
              label="validation logloss")
    axis.set(title="Learning", xlabel="epoch", ylabel="loss", xticks=epochs)
    other = axis.twinx()
    other.plot(epochs, [entry["validation"]["auc"] for entry in history], "s-", color=_BLUE, label="validation AUC")
    other.set_ylabel("AUC", color=_BLUE)
    other.spines[["top"]].set_visible(False)
    axis.axvline(best, color=_BLUE, alpha=0.3, linewidth=6)
    lines = axis.get_lines()[:2] + other.get_lines()
    # Below the axis: inside, one of three curves always runs through it.
    axis.legend(lines, [str(line.get_label()) for line in lines], loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3,
                frameon=False)


def _roc(axis: Axes, scored: Scored, task: str, auc: float) -> None:
    axis.plot(*_roc_curve(scored.labels[task], scored.scores[task], scored.weights[task]), color=_BLUE,
              label=f"model, AUC {auc:.4f}")
    if task in scored.truth:
        axis.plot(*_roc_curve(scored.labels[task], scored.truth[task], scored.weights[task]), color=_GREY,
                  linestyle="--", label="true probability (the best possible)")
    axis.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8)
    axis.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1))
    axis.legend(frameon=False, loc="lower right")


def _roc_curve(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    hits, misses = (labels * weights)[order], ((1 - labels) * weights)[order]
    points = np.linspace(0, len(order) - 1, min(len(order), 500)).astype(int)
    return np.cumsum(misses)[points] / misses.sum(), np.cumsum(hits)[points] / hits.sum()


def _calibration(axis: Axes, bins: dict[str, Any], scored: Scored, task: str) -> None:
    top = 1.08 * max(*bins["predicted"], *bins["observed"])
    axis.plot([0, top], [0, top], color=_GREY, linewidth=0.8)
    axis.plot(bins["predicted"], bins["observed"], "o-", color=_BLUE, label="observed rate")
    if task in scored.truth:
        order = np.argsort(scored.scores[task], kind="stable")
        parts = np.array_split(order, len(bins["predicted"]))
        axis.plot([scored.scores[task][p].mean() for p in parts], [scored.truth[task][p].mean() for p in parts], "x--",
                  color=_ORANGE, label="true probability")
    axis.set(title=f"Calibration, {len(bins['predicted'])} bins of equal size", xlabel="mean prediction", ylabel="rate",
             xlim=(0, top), ylim=(0, top))
    axis.legend(frameon=False, loc="upper left")


def _groups(axis: Axes, scored: Scored, group_key: str, task: str, gauc: float) -> None:
    groups = group_auc(scored.keys[group_key], scored.labels[task], scored.scores[task], scored.weights[task])
    valid = ~np.isnan(groups.auc)
    axis.hist(groups.auc[valid], bins=20, range=(0, 1), weights=groups.weight[valid], color=_BLUE, alpha=0.8)
    axis.axvline(gauc, color=_ORANGE, label=f"GAUC {gauc:.4f}")
    axis.set(title=f"AUC of each {group_key}, by impressions", xlabel="AUC within the group", ylabel="impressions")
    axis.legend(frameon=False, loc="upper left")
