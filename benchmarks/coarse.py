"""Quality of coarse rankers: DSSM switch by switch, what came before it, and each as a filter of whole pools.

    zoo data simulate --config benchmarks/cascade_simulator.yaml --out runs/cascade/log
    python -m benchmarks.coarse --logs cascade=runs/cascade/log rees46=runs/rees46/log --seeds 1 2 3

The teacher is DIN beside what counting says, trained once a log with the first seed; students of the `-taught` rows learn its
scores of all candidates of their training split; of the `synchronous_dssm-` rows, they learn beside a teacher of their own.
Lifts are of GAUC, in thousandths: over the plain DSSM, and over the row that a step begins at, paired by seed. On a log with
pools, each model is measured as a filter (docs/coarse.md): by the teacher, by what happened, and by the truth, which a
simulator knows. Finished runs are kept below `--root` and not repeated; remove their files to measure again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coarse_teacher import Teacher, score_split
from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from benchmarks.settings import logs, settings
from benchmarks.variants import LADDER, STAGED, SYNCHRONOUS, TAUGHT, VARIANTS
from tfx_pipelines.transformed import Transformed, transformed
from zoo.data.layout import POOLS
from zoo.metrics import auc, pool_hit_rate, pool_ranks, teacher_ndcg, teacher_share
from zoo.schema import REQUEST_ID
from zoo.stages import StageTag
from zoo.training import Scored, train

STUDENTS = [name for name in VARIANTS if TAUGHT in name or name.startswith(SYNCHRONOUS)]
OURS = ["dssm-wide", "dssm-recent"]
MODELS = ["static_rule", "gbdt", "wdl", "cold", "cold-8", "int_tower", *LADDER, "dssm-nova-add", "dssm-nova-concat", *OURS,
          *STUDENTS]
# The row that the lift of a step is over.
BEFORE = {name: LADDER[place - 1] for place, name in enumerate(LADDER) if place}
BEFORE |= dict.fromkeys(("dssm-nova-add", "dssm-nova-concat", "dssm-wide"), "dssm-fm") | {"dssm-recent": "dssm-wide"}
# Of a student, the same without a teacher.
BEFORE |= {name: name.split(TAUGHT)[0] if TAUGHT in name else "dssm-recent" for name in STUDENTS}
TOP, KEPT = (10, 50, 200, 600), 600
SWEPT = (100, 200, 400, 600, 1_000, 2_000)


def of_pools(scored: Scored, teacher: Teacher) -> dict[str, float]:
    """Metrics of a filter, by the teacher, by what happened and by the truth, and the same at several cuts.

    Args:
        scored: the pools.
        teacher: scored the same.
    """
    task, requests, gains = teacher.task, scored.keys[REQUEST_ID], teacher.pools().scores[teacher.task]
    student, taught = pool_ranks(requests, scored.scores[task]), pool_ranks(requests, gains)
    truth = pool_ranks(requests, scored.truth[task])
    clicks, seen = scored.labels[task], scored.weights[task] > 0
    events = {"click": clicks * seen, "unclicked": (clicks == 0) & seen, "asph": scored.marks["bought_outside"]}
    if "purchase" in scored.labels:
        events["isph"] = scored.labels["purchase"] * (scored.weights["purchase"] > 0)
    found = {f"top{k}_in_{KEPT}": teacher_share(student, taught, k, KEPT) for k in TOP}
    found |= {f"truth50_in_{KEPT}": teacher_share(student, truth, 50, KEPT)}
    found |= {f"ndcg_{KEPT}": teacher_ndcg(student, taught, gains, KEPT)}
    found |= {f"{name}_{KEPT}": pool_hit_rate(student, happened, KEPT) for name, happened in events.items()}
    found |= {f"swept top50_in_{m}": teacher_share(student, taught, 50, m) for m in SWEPT}
    found |= {f"swept asph_{m}": pool_hit_rate(student, events["asph"], m) for m in SWEPT}
    return {name: mean.value for name, mean in found.items()} | by_stage(scored, task)


def by_stage(scored: Scored, task: str) -> dict[str, float]:
    """How well candidates of each stage are ordered: AUC of the scores for those of larger true probability than the median."""
    stage, found = scored.marks["stage"], {}
    for tag in StageTag:
        of_stage = stage == tag
        truth = scored.truth[task][of_stage]
        found[f"order_{tag.name.lower()}"] = auc(truth > np.median(truth), scored.scores[task][of_stage])
    return found


def measure(data: Transformed, teacher: Teacher, log: str, name: str, seed: int) -> dict[str, Any]:
    """One run: trained, chosen on validation, reported on test and on pools."""
    model, model_config, training = settings(log, name)
    taught = TAUGHT in name
    schema, files = (teacher.schema, teacher.files) if taught else (data.schema, data.files)
    result = train(model, schema, files["train"], files["validation"], config=training.model_copy(update={"seed": seed}),
                   model_config=model_config, on_progress=lambda line: print(f"  {line}", flush=True))
    run = {"test": score_split(result.model, schema, files, "test").metrics(schema.group_key, teacher.task),
           "seconds": sum(epoch["seconds"] for epoch in result.history), "best_epoch": result.best_epoch,
           "parameters": result.model.learned_numbers()}
    return run | ({"pools": of_pools(score_split(result.model, schema, files, POOLS), teacher)} if POOLS in files else {})


def of_teacher(teacher: Teacher) -> dict[str, Any]:
    """The teacher's own row: the ceiling of GAUC, and its own cut of the pools."""
    if POOLS not in teacher.files:
        return teacher.measured
    # That it agrees with itself says nothing.
    pools = of_pools(teacher.pools(), teacher)
    return teacher.measured | {"pools": {name: pools[name] for name in pools if "top" not in name and "ndcg" not in name}}


def lifts(name: str, runs: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Thousandths of GAUC over the plain DSSM, and over the row before, paired by seed."""
    def over(other: str) -> dict[str, float]:
        # The teacher has one run, whatever the seeds of its students.
        several = runs[name] * (len(runs[other]) if len(runs[name]) == 1 else 1)
        return mean_std([1_000 * (run["test"]["gauc"] - base["test"]["gauc"])
                         for run, base in zip(several, runs[other], strict=True)], 1)

    found = {"lift_over_dssm": over("dssm")} if name != "dssm" and "dssm" in runs else {}
    return found | ({"lift_of_step": over(BEFORE[name])} if BEFORE.get(name) in runs else {})


def rows_of(dataset: str, name: str, runs: dict[str, list[dict[str, Any]]], command: str) -> list[dict[str, Any]]:
    """The lines of a model: its metrics, and its cuts of the pools at several sizes."""
    several = runs[name]
    metrics = {metric: mean_std([run["test"][metric] for run in several]) for metric in ("gauc", "auc")}
    metrics |= lifts(name, runs)
    # A cut that keeps all of a pool has no metrics.
    known = [metric for metric, value in several[0].get("pools", {}).items() if np.isfinite(value)]
    pools = {metric: mean_std([run["pools"][metric] for run in several]) for metric in known}
    metrics |= {metric: value for metric, value in pools.items() if not metric.startswith("swept ")}
    # The one in the middle: an hour of runs is stopped now and then, for what needs an idle machine.
    metrics["train_seconds"] = mean_std([float(np.median([run["seconds"] for run in several]))], 0)
    common = {"protocol": "test split and pools touched once; the epoch is chosen on validation; lifts are thousandths of GAUC",
              "model": name, "seeds": len(several), "command": command}
    swept = {metric.removeprefix("swept "): value for metric, value in pools.items() if metric.startswith("swept ")}
    found = [{"dataset": dataset, "metrics": metrics, **common}]
    return found + ([{"dataset": f"{dataset}_swept", "metrics": swept, **common}] if swept else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", nargs="+", required=True, metavar="NAME=FOLDER",
                        help=f"request logs; NAME is that of a configuration: {', '.join(logs())}")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--teacher", metavar="MODEL", help="in place of a log's own; its rows are of the dataset LOG_by_MODEL")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--root", type=Path, default=Path("runs/coarse"), help="for transformed logs and finished runs")
    parser.add_argument("--out", default="docs/results/coarse.json")
    options = parser.parse_args()
    rows = {(one["dataset"], one["model"]): one for one in read_rows(options.out)}
    for log, folder in (pair.split("=", 1) for pair in options.logs):
        for name in options.models:
            settings(log, name)  # a wrong name is told before the first long run
        data = transformed(folder, options.root / log)
        other = f" --teacher {options.teacher}" if options.teacher else ""
        command = f"python -m benchmarks.coarse --logs {log}={folder}{other} --models MODEL" + with_seeds(options.seeds)
        print(f"{log} teacher", flush=True)
        teacher = Teacher(data, log, options.root / log, options.seeds[0], options.teacher)
        runs: dict[str, list[dict[str, Any]]] = {f"teacher ({teacher.name})": [of_teacher(teacher)]}
        for name in options.models:
            if name in STAGED and not any(mark.role == "stage" for mark in data.schema.marks):
                print(f"{log} {name}: left out, as this log does not say how far a candidate came", flush=True)
                continue
            runs[name] = []
            for seed in options.seeds:
                done = teacher.folder / "runs" / f"{name}-{seed}.json"
                if not done.is_file():
                    print(f"{log} {name} seed {seed}", flush=True)
                    done.parent.mkdir(parents=True, exist_ok=True)
                    done.write_text(json.dumps(measure(data, teacher, log, name, seed), indent=1), encoding="utf-8")
                runs[name].append(json.loads(done.read_text(encoding="utf-8")))
        dataset = f"{log}_by_{options.teacher}" if options.teacher else log
        for name in runs:
            for row in rows_of(dataset, name, runs, command.replace("MODEL", name)):
                rows[row["dataset"], name] = row
        write_rows(options.out, list(rows.values()))
    print(json.dumps({f"{dataset} {model}": row["metrics"][metric]["mean"] for (dataset, model), row in rows.items()
                      for metric in ("gauc",) if metric in row["metrics"]}))


if __name__ == "__main__":
    main()
