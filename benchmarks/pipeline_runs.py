"""Whole pipeline runs of some models with several seeds, as one table.

    python -m benchmarks.pipeline_runs --config rees46 --models wdl din --log runs/rees46/log --out docs/results/rees46.json

All runs share a pipeline's name and root, so that the stages before the Trainer are made once and cached. Their order is that
of the models: one is compared with the one of its name that was pushed last. Reports of finished runs are kept below the
root and not made again; a row that is measured anew replaces the old one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows


def run(config: str, model: str, log: str, root: Path, seed: int) -> dict[str, Any]:
    """The report of one run, made if there is none; a model that is not blessed (exit code 2) is a result too."""
    kept = root / "reports" / f"{Path(config).stem}_{model}-{seed}.json"
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    zoo = str(Path(sys.executable).with_name("zoo"))
    command = [zoo, "run", config, "--model", model, "--log", log, "--root", str(root), "--seed", str(seed),
               "--set", f"pipeline.name={root.name}"]
    print(" ".join(["zoo", *command[1:]]), flush=True)
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if code not in (0, 2):
        raise SystemExit(f"the run failed with exit code {code}; run the command above to see why")
    report = json.loads((root / "report.json").read_text(encoding="utf-8"))
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return report


def row(config: str, model: str, log: str, out: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table, means over the seeds."""
    def over(pick: Any, digits: int = 4) -> dict[str, float]:
        return mean_std([pick(report) for report in reports], digits)

    floors = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in reports[0]["floors"].get("auc", {}).items())
    return {
        "dataset": reports[0]["dataset"], "model": reports[0]["model"], "seeds": len(reports),
        "protocol": "test split by time, touched once; the epoch is chosen on validation; floors (AUC): " + (floors or "none"),
        "command": (f"python -m benchmarks.pipeline_runs --config {config} --models {model} --log {log} --out {out}"
                    + with_seeds([report["seed"] for report in reports])),
        "metrics": {
            "auc": over(lambda r: r["metrics"]["auc"]), "gauc": over(lambda r: r["metrics"]["gauc"]["value"]),
            "logloss": over(lambda r: r["metrics"]["logloss"]),
            "calibration": over(lambda r: r["metrics"]["calibration"]["ratio"], 3),
            "train_seconds": over(lambda r: r["training"]["seconds"], 0),
            "served_max_abs_diff": over(lambda r: r["serving"]["max_abs_diff"], 9),
            "call_p50_ms": over(lambda r: r["serving"]["p50_ms"], 1),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="a YAML file, or the name of one that comes with the package")
    parser.add_argument("--models", nargs="+", required=True, metavar="MODEL")
    parser.add_argument("--log", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--root", type=Path, help="of the pipeline (default: runs/benchmark and the name of the log's folder)")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    root = options.root or Path("runs/benchmark") / Path(options.log).absolute().parent.name
    rows = {(one["dataset"], one["model"]): one for one in read_rows(options.out)}
    for model in options.models:
        reports = [run(options.config, model, options.log, root, seed) for seed in options.seeds]
        made = rows[reports[0]["dataset"], model] = row(options.config, model, options.log, options.out, reports)
        print(model, {name: value["mean"] for name, value in made["metrics"].items()}, flush=True)
        write_rows(options.out, list(rows.values()))


if __name__ == "__main__":
    main()
