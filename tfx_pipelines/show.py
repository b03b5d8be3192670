"""What a run prints at its end."""

from __future__ import annotations

import shlex
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tfx_pipelines.report import ONE_POSITIVE, TRUTH, in_words
from tfx_pipelines.report_day import delta_in_words
from tfx_pipelines.report_day import in_words as in_words_of_day
from tfx_pipelines.report_teacher import hearing


def show_report(console: Console, report: dict[str, Any], root: str, serving: str) -> None:
    """Prints the metrics, the verdict, where things are, and what to type next.

    Args:
        console: where to print.
        report: the content of `report.json`.
        root: of the pipeline.
        serving: the folder that servers watch.
    """
    metrics, served = report["metrics"], report["serving"]
    table = Table(title=escape(f"{report['model']} on {report['dataset']}, test split"), title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_row("AUC", f"{metrics['auc']:.4f}")
    table.add_row(escape(f"GAUC by {metrics['gauc']['group_key']}"), f"{metrics['gauc']['value']:.4f}")
    table.add_row("logloss", f"{metrics['logloss']:.4f}")
    table.add_row("calibration (predicted / observed)", f"{metrics['calibration']['ratio']:.3f}")
    for name, words in ONE_POSITIVE.items():
        if name in metrics:
            table.add_row(words, f"{metrics[name]:.4f}")
    for name, value in metrics.get("teacher", {}).items():
        table.add_row(f"the teacher's {in_words(name)}", f"{value:.4f}")
    for name, value in metrics.get("truth", {}).items():
        table.add_row(TRUTH[name], f"{value:.4f}")
    for metric, floors in report["floors"].items():
        for name, floor in floors.items():
            table.add_row(escape(f"floor: {name.replace('_', ' ')} ({in_words(metric)})"), f"{floor:.3f}")
    table.add_row(f"served − trained score, {served['requests_replayed']} requests", f"{served['max_abs_diff']:.1e}")
    table.add_row("ranking call p50 / p99", f"{served['p50_ms']:.1f} / {served['p99_ms']:.1f} ms")
    console.print(table)
    console.print("[bold green]Blessed.[/bold green]" if report["blessed"] else "[bold red]Not blessed.[/bold red]",
                  escape("; ".join(report["reasons"])))
    if "daily" in report:
        console.print(escape(in_words_of_day(report["daily"])) + ".", highlight=False)
        if report["daily"]["delta"]:
            console.print(escape(delta_in_words(report["daily"]["delta"])) + ".", highlight=False)
    sentence = hearing(metrics)
    if sentence:
        console.print(escape(sentence) + ".")
    lines = [f"Report:     {root}/report.md (and report.json, report.png)"]
    if report["pushed_version"]:
        name = serving.rpartition("/")[2]
        lines = [f"SavedModel: {serving}/{report['pushed_version']}", *lines,
                 f"Next:       zoo serve --model {shlex.quote(f'{name}={serving}')}"]
    else:
        lines.append(f"Not pushed: {report['trained_model']} (zoo.export.load_model opens it)")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
