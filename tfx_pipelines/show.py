"""What a run prints at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tfx_pipelines.report import ONE_POSITIVE, TRUTH, in_words


def show_report(console: Console, report: dict[str, Any], root: Path, serving: Path) -> None:
    """Prints the metrics, the verdict, where things are, and what to type next.

    Args:
        console: where to print.
        report: the content of `report.json`.
        root: of the pipeline.
        serving: the folder that servers watch.
    """
    metrics, served = report["metrics"], report["serving"]
    table = Table(title=f"{report['model']} on {report['dataset']}, test split", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_row("AUC", f"{metrics['auc']:.4f}")
    table.add_row(f"GAUC by {metrics['gauc']['group_key']}", f"{metrics['gauc']['value']:.4f}")
    table.add_row("logloss", f"{metrics['logloss']:.4f}")
    table.add_row("calibration (predicted / observed)", f"{metrics['calibration']['ratio']:.3f}")
    for name, words in ONE_POSITIVE.items():
        if name in metrics:
            table.add_row(words, f"{metrics[name]:.4f}")
    for name, value in metrics.get("truth", {}).items():
        table.add_row(TRUTH[name], f"{value:.4f}")
    for metric, floors in report["floors"].items():
        for name, floor in floors.items():
            table.add_row(f"floor: {name.replace('_', ' ')} ({in_words(metric)})", f"{floor:.3f}")
    table.add_row(f"served − trained score, {served['requests_replayed']} requests", f"{served['max_abs_diff']:.1e}")
    table.add_row("ranking call p50 / p99", f"{served['p50_ms']:.1f} / {served['p99_ms']:.1f} ms")
    console.print(table)
    console.print("[bold green]Blessed.[/bold green]" if report["blessed"] else "[bold red]Not blessed.[/bold red]",
                  "; ".join(report["reasons"]))
    if report["pushed_version"]:
        console.print(f"SavedModel: {serving / str(report['pushed_version'])}", soft_wrap=True)
    console.print(f"Report:     {root / 'report.md'} (and report.json, report.png)", soft_wrap=True)
    if report["pushed_version"]:
        console.print(f"Next:       zoo serve --model {serving.name}={serving}", soft_wrap=True)
