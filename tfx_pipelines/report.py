"""The report of a run: `report.json` for machines, `report.md` and `report.png` for people."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tfx_pipelines.components.latest_pushed_model import REFUSED, VERSION
from tfx_pipelines.components.serving_validator import RESULT
from tfx_pipelines.config import GATED, RunConfig
from tfx_pipelines.evaluation import filter_metrics, filter_values, gate_failures
from tfx_pipelines.plots import report_picture
from tfx_pipelines.report_day import day_lines, of_day
from tfx_pipelines.report_teacher import by_stage, of_teacher, stage_lines
from tfx_pipelines.runners.local import LocalRun
from tfx_pipelines.scores import HISTORY, SCORES, read_columns
from zoo import files
from zoo.data.layout import POOLS
from zoo.data.request_log import RequestLog
from zoo.json_text import json_text
from zoo.metrics import calibration
from zoo.training import Scored

# What is measured against the true probabilities, which only a simulator knows, in words.
TRUTH = {
    "truth_gap": "mean distance to the true probability",
    "excess_logloss": "logloss above the best possible",
    "oracle_auc": "best possible AUC (true probabilities)",
    "oracle_gauc": "best possible GAUC (true probabilities)",
}
# Of logs with one positive a request (leave-one-out), in words.
ONE_POSITIVE = {f"{name}_at_{k}": f"{name.upper()}@{k}" for name in ("hr", "ndcg") for k in (5, 10)}


def in_words(metric: str) -> str:
    """A metric's name as people write it: `AUC`, `HR@5`."""
    return ONE_POSITIVE.get(metric, metric.upper())


def write_report(root: str, config: RunConfig, log: RequestLog, run: LocalRun) -> dict[str, Any]:
    """Puts together what a run measured, exactly, from its artifacts.

    Args:
        root: URI of the pipeline's root, where the files go.
        config: of the run.
        log: the request log.
        run: what the runner saw.

    Returns:
        The content of `report.json`.
    """
    model_run = run.artifacts["Trainer", "model_run"]
    scored = read_scores(files.join(model_run, SCORES))
    training = json.loads(files.read_text(files.join(model_run, HISTORY)))
    served = json.loads(files.read_text(files.join(run.artifacts["ServingValidator", "blessing"], RESULT)))
    task = log.schema.labels[0].name
    metrics = exact_metrics(scored, log.schema.group_key, task)
    floors = log.manifest.get("floors", {})
    blessed, reasons = _verdict(run, served, metrics, floors, config)
    baseline = run.properties["LatestPushedModel", "model"]
    if REFUSED in baseline:
        reasons.append(f"not compared with version {baseline[VERSION]}: {baseline[REFUSED]}")
    if config.teacher is not None:
        metrics["teacher"] = of_teacher(config.teacher, scored, log.schema, task)
    metrics |= by_stage(config.teacher, scored, log.schema, task)
    items = run.properties.get(("ItemTable", "filled"), {}).get("items")
    daily = of_day(run, config, training)
    report = {
        "dataset": log.schema.name,
        "model": config.model.name,
        "seed": config.training.seed,
        "metrics": metrics,
        "filter": filter_values(run.artifacts["Evaluator", "evaluation"], names_of_filter(config, log)),
        "floors": floors,
        "blessed": blessed,
        "reasons": reasons,
        "pushed_version": _pushed_version(run),
        "trained_model": files.join(run.artifacts.get(("ItemTable", "filled"), run.artifacts["Trainer", "model"]),
                                    "Format-Serving"),
        "compared_with_version": baseline.get(VERSION) if REFUSED not in baseline else None,
        "serving": {"requests_replayed": served["requests"], "max_abs_diff": served["max_abs_diff"],
                    "p50_ms": served["p50_ms"], "p99_ms": served["p99_ms"],
                    **({name: served[name] for name in ("candidates", "compared", "unknown")} if items is not None else {})},
        **({"items": items} if items is not None else {}),
        **({"daily": daily} if daily else {}),
        "stages": [dataclasses.asdict(stage) for stage in run.stages],
        "training": {"parameters": training["parameters"], "best_epoch": training["best_epoch"],
                     "seconds": sum(epoch["seconds"] for epoch in training["history"]),
                     **({"search": training["search"]} if "search" in training else {})},
    }
    files.write_text(files.join(root, "report.json"), json_text(report))
    with files.open_file(files.join(root, "report.png"), "wb") as file:
        file.write(report_picture(report, training["history"], scored, log.schema.group_key, task))
    files.write_text(files.join(root, "report.md"), _markdown(report))
    return report


def names_of_filter(config: RunConfig, log: RequestLog) -> list[str]:
    """The metrics of the filter that a run measures."""
    schema = config.teacher.taught(log.schema) if config.teacher else log.schema
    return list(filter_metrics(schema, config.filter.kept, config.filter.top)) if config.filter else []


def read_scores(path: str) -> Scored:
    """The scores of the test split that the Trainer left."""
    return Scored(**read_columns(str(path)))


def exact_metrics(scored: Scored, group_key: str, task: str) -> dict[str, Any]:
    """AUC, GAUC, logloss and calibration of the test split; HR and NDCG where a request has one positive; where the truth is
    known, the distance to it."""
    flat = scored.metrics(group_key, task)
    calibrated = calibration(scored.labels[task], scored.scores[task], scored.weights[task])
    metrics = {
        "auc": flat["auc"],
        "gauc": {"value": flat["gauc"], "group_key": group_key, "groups": flat["gauc_groups"],
                 "skipped_groups": flat["gauc_skipped_groups"]},
        "logloss": flat["logloss"],
        "calibration": {"ratio": calibrated.ratio, "ece": calibrated.ece, "predicted": list(calibrated.predicted),
                        "observed": list(calibrated.observed)},
    }
    metrics |= {name: flat[name] for name in ONE_POSITIVE if name in flat}
    if "truth_gap" in flat:
        metrics["truth"] = {name: flat[name] for name in ("truth_gap", "excess_logloss", "oracle_auc", "oracle_gauc")}
    return metrics


def _verdict(run: LocalRun, served: dict[str, Any], metrics: dict[str, Any], floors: dict[str, Any],
             config: RunConfig) -> tuple[bool, list[str]]:
    reasons = []
    evaluated = run.properties.get(("Evaluator", "blessing"), {}).get("blessed") == 1
    if not evaluated:
        reasons += gate_failures(run.artifacts["Evaluator", "evaluation"]) or ["the Evaluator did not bless the model"]
    if not served["blessed"]:
        by_id = served["max_abs_diff_by_signature"]["rank"]
        if served["max_rounding"] > served["tolerance"] and not by_id <= served["max_rounding"]:
            reasons.append(f"scores by ids alone differ from the trainer's by {by_id:.2g}, above {served['max_rounding']:.2g} "
                           "(export.max_rounding); keep the items in float32 (export.item_table), or allow more")
        else:
            reasons.append(f"served scores differ from the trainer's by {served['max_abs_diff']:.2g}, above "
                           f"{served['tolerance']:.2g}; {served['cause']}")
    blessed = bool(evaluated and served["blessed"])
    if blessed:
        reasons.append("all thresholds passed; served scores agree with the trainer's")
    # Floors of gated metrics are thresholds of the Evaluator (`with_floors`); here they only get their names.
    for metric, value in (metrics | {"gauc": metrics["gauc"]["value"]}).items():
        margin = config.gate.above_floors if metric in GATED else None
        for name, floor in floors.get(metric, {}).items():
            if value < floor + (margin or 0.0):
                reasons.append(f"{in_words(metric)} {value:.4f} is below the floor {name} {floor}"
                               + (" (reported only)" if margin is None else f" + {margin:g}" if margin else ""))
    return blessed, reasons


def _pushed_version(run: LocalRun) -> int | None:
    version = run.properties.get(("Pusher", "pushed_model"), {}).get("pushed_version")
    return int(version) if version else None


def _markdown(report: dict[str, Any]) -> str:
    metrics, serving = report["metrics"], report["serving"]
    lines = [
        f"# {report['model']} on {report['dataset']}", "",
        f"**{'Blessed' if report['blessed'] else 'Not blessed'}**, "
        + (f"pushed as version {report['pushed_version']}" if report["pushed_version"] else "not pushed")
        + (f"; compared with version {report['compared_with_version']}" if report["compared_with_version"] else "") + ".", "",
        f"The trained model: `{report['trained_model']}`", "",
        *[f"* {reason}" for reason in report["reasons"]], "",
        "| metric | value |", "| --- | --- |",
        f"| AUC | {metrics['auc']:.4f} |",
        f"| GAUC by {metrics['gauc']['group_key']} | {metrics['gauc']['value']:.4f} ({metrics['gauc']['groups']} groups, "
        f"{metrics['gauc']['skipped_groups']} of one class skipped) |",
        f"| logloss | {metrics['logloss']:.4f} |",
        f"| calibration: predicted over observed | {metrics['calibration']['ratio']:.3f} |",
        f"| expected calibration error | {metrics['calibration']['ece']:.4f} |",
    ]
    lines += [f"| {words} | {metrics[name]:.4f} |" for name, words in ONE_POSITIVE.items() if name in metrics]
    lines += [f"| the teacher's {in_words(name)} | {value:.4f} |" for name, value in metrics.get("teacher", {}).items()]
    lines += [f"| {TRUTH[name]} | {value:.4f} |" for name, value in metrics.get("truth", {}).items()]
    lines += [f"| {name} of {POOLS} | {value:.4f} |" for name, value in report["filter"].items()]
    lines += [f"| floor: {name.replace('_', ' ')} ({in_words(metric)}) | {floor} |"
              for metric, floors in report["floors"].items() for name, floor in floors.items()]
    lines += [f"| found by the search | {name}: {value} |" for name, value in report["training"].get("search", {}).items()]
    lines += [f"| served and trained scores differ by at most | {serving['max_abs_diff']:.1e} "
              f"({serving['requests_replayed']} requests) |",
              *([f"| items kept | {report['items']:,} |",
                 f"| candidates compared through ids alone | {serving['compared']:,} of {serving['candidates']:,}, "
                 f"{serving['unknown']:,} unknown |"] if "items" in report else []),
              f"| latency of a ranking call, p50 / p99 | {serving['p50_ms']:.1f} / {serving['p99_ms']:.1f} ms |", "",
              "![curves](report.png)", "", *stage_lines(metrics), *day_lines(report.get("daily")),
              "| stage | seconds | peak MiB | cached |", "| --- | --- | --- | --- |"]
    lines += [f"| {s['name']} | {s['seconds']:.1f} | {s['peak_rss_mib']:.0f} | {'yes' if s['cached'] else ''} |"
              for s in report["stages"]]
    return "\n".join(lines) + "\n"
