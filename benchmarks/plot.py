"""Draws the models of a results table as bars with their spread over seeds, best first, and the log's floor as a line.

    python -m benchmarks.plot --dataset rees46 --metric auc --floor 0.789 --out docs/ranking.png
"""

from __future__ import annotations

import argparse
from typing import Any

import matplotlib

from benchmarks.results import read_rows
from benchmarks.variants import COUNTING, VARIANTS

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def chosen(rows: list[dict[str, Any]], dataset: str, metric: str) -> list[dict[str, Any]]:
    """The rows of a dataset that have the metric: models as they are and with counts, the best last (bars are drawn upwards).

    Raises:
        SystemExit: there is none; names the datasets that there are.
    """
    found = [row for row in rows if row["dataset"] == dataset and metric in row["metrics"]
             and (row["model"] not in VARIANTS or row["model"].endswith(COUNTING))]
    if not found:
        raise SystemExit(f"no row of {dataset!r} has {metric!r}; datasets: {sorted({row['dataset'] for row in rows})}")
    return sorted(found, key=lambda row: row["metrics"][metric]["mean"])


def draw(rows: list[dict[str, Any]], metric: str, floor: float | None, title: str, path: str) -> None:
    """Horizontal bars with one standard deviation to each side."""
    names = [row["model"].replace("-", " + ") + (" (1 seed)" if row["seeds"] == 1 else "") for row in rows]
    counting = [row["model"].endswith(COUNTING) for row in rows]
    values = [row["metrics"][metric] for row in rows]
    figure, axis = plt.subplots(figsize=(8, 0.32 * len(rows) + 1.4), constrained_layout=True)
    means, spread = [value["mean"] for value in values], [value["std"] for value in values]
    colors = ["#1d7a5f" if one else "#2f6db5" for one in counting]
    axis.barh(names, means, xerr=spread, color=colors, ecolor="#333333", capsize=2)
    low = min([*(m - s for m, s in zip(means, spread, strict=True)), *([floor] if floor else [])])
    axis.set_xlim(low - 0.02, max(m + s for m, s in zip(means, spread, strict=True)) + 0.025)
    for place, value in enumerate(values):
        axis.text(value["mean"] + value["std"] + 0.001, place, f"{value['mean']:.3f}", va="center", fontsize=8)
    if floor:
        axis.axvline(floor, color="#d9822b", linestyle="--", label=f"counting alone: {floor:g}")
    if any(counting):
        axis.barh(names[:1], [0], color="#1d7a5f", label="with counts over the history as inputs")
    if floor or any(counting):
        axis.legend(loc="lower right", frameon=False)
    axis.set_xlabel(f"{metric.upper()} (the axis does not start at 0; whiskers: one standard deviation over seeds)")
    axis.set_title(title, fontweight="bold", loc="left")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="docs/results/ranking.json")
    parser.add_argument("--dataset", default="rees46")
    parser.add_argument("--metric", default="auc")
    parser.add_argument("--floor", type=float, help="what counting alone reaches")
    parser.add_argument("--title", default="REES46, test split")
    parser.add_argument("--out", default="docs/ranking.png")
    options = parser.parse_args()
    rows = chosen(read_rows(options.results), options.dataset, options.metric)
    draw(rows, options.metric, options.floor, options.title, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
