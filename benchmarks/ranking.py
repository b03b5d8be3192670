"""Quality of ranking models: models × logs × seeds through the same trainer, as one table.

    python -m benchmarks.ranking --logs rees46=runs/rees46/log --models din dien dmr --seeds 1 2 3

A run's settings are what the configuration of the log says of the model: `benchmarks/configs/LOG.yaml`, or the one of that
name that comes with the package. The epoch is chosen on the validation split; the test split is touched once a run. Finished
runs are kept below `--root` and not repeated; remove their files to measure again.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from benchmarks.settings import logs, settings
from benchmarks.variants import VARIANTS
from tfx_pipelines.report import in_words
from tfx_pipelines.transformed import Transformed, transformed
from zoo.models import registry
from zoo.training import read_dataset, score_dataset, train

METRICS = ("auc", "gauc", "logloss", "hr_at_5", "ndcg_at_5", "hr_at_10", "ndcg_at_10", "truth_gap", "excess_logloss",
           "oracle_auc")


def measure(data: Transformed, log: str, name: str, seed: int) -> dict[str, Any]:
    """One run: trained, chosen on validation, reported on test."""
    model, model_config, training = settings(log, name)
    result = train(model, data.schema, data.files["train"], data.files["validation"],
                   config=training.model_copy(update={"seed": seed}), model_config=model_config,
                   on_progress=lambda line: print(f"  {line}", flush=True))
    scored = score_dataset(result.model, read_dataset(data.schema, data.files["test"], 512, keys=True))
    return {
        "test": scored.metrics(data.schema.group_key, data.schema.labels[0].name),
        "validation": result.history[result.best_epoch - 1]["validation"], "best_epoch": result.best_epoch,
        "seconds": sum(epoch["seconds"] for epoch in result.history),
        "parameters": result.model.learned_numbers(),
    }


def row(log: str, name: str, runs: list[dict[str, Any]], floors: dict[str, dict[str, float]], command: str) -> dict[str, Any]:
    """A line of the table: means over the seeds."""
    protocol = "; ".join(["test split touched once", "the epoch is chosen on validation", *(
        f"floors ({in_words(metric)}): " + ", ".join(f"{floor.replace('_', ' ')} {value}" for floor, value in known.items())
        for metric, known in floors.items())])
    metrics = {metric: mean_std([run["test"][metric] for run in runs]) for metric in METRICS if metric in runs[0]["test"]}
    return {
        "dataset": log, "protocol": protocol, "model": name, "seeds": len(runs), "command": command,
        "metrics": metrics | {"train_seconds": mean_std([run["seconds"] for run in runs], 0),
                              "best_epoch": mean_std([run["best_epoch"] for run in runs], 1),
                              "parameters": mean_std([run["parameters"] for run in runs], 0)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", nargs="+", required=True, metavar="NAME=FOLDER",
                        help=f"request logs; NAME is that of a configuration: {', '.join(logs())}")
    parser.add_argument("--models", nargs="+", default=registry.names(), metavar="MODEL",
                        help=f"models of the zoo (all by default), or ablations: {', '.join(VARIANTS)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--root", type=Path, default=Path("runs/ranking"), help="for transformed logs and finished runs")
    parser.add_argument("--out", default="docs/results/ranking.json")
    options = parser.parse_args()
    folders = dict(pair.split("=", 1) for pair in options.logs)
    for log, name in itertools.product(folders, options.models):
        settings(log, name)  # a wrong name is told before the first long run
    rows = {(one["dataset"], one["model"]): one for one in read_rows(options.out)}
    for log, folder in folders.items():
        data = transformed(folder, options.root / log)
        for name in options.models:
            runs = []
            for seed in options.seeds:
                done = options.root / log / "runs" / f"{name}-{seed}.json"
                if not done.is_file():
                    print(f"{log} {name} seed {seed}", flush=True)
                    run = measure(data, log, name, seed)
                    done.parent.mkdir(parents=True, exist_ok=True)
                    done.write_text(json.dumps(run, indent=1), encoding="utf-8")
                runs.append(json.loads(done.read_text(encoding="utf-8")))
            command = f"python -m benchmarks.ranking --logs {log}={folder} --models {name}" + with_seeds(options.seeds)
            rows[log, name] = row(log, name, runs, data.floors, command)
            print(log, name, {key: value["mean"] for key, value in rows[log, name]["metrics"].items()}, flush=True)
            write_rows(options.out, list(rows.values()))


if __name__ == "__main__":
    main()
