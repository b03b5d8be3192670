"""Live rooms: each generation of models and its ablations, by click, stay and order, and by the truth that the simulator knows.

    zoo data simulate --config benchmarks/live_simulator.yaml --out runs/live/log
    python -m benchmarks.live --log runs/live/log --seeds 1 2 3
    zoo data simulate --config benchmarks/live_many_visits_simulator.yaml --out runs/live_many_visits/log
    python -m benchmarks.live --log runs/live_many_visits/log --dataset live_many_visits --models gbdt double_sequence hin

A row whose name ends with `-single` has a model for each task, trained alone; all others learn all tasks at once. GAUC of
orders is over all rooms that were shown, of `p_click · p_order`; the error of stay is of log(1 + seconds), where a room was
entered. Gaps are mean distances to the true chances, and to the true expectation of log(1 + seconds), over all rooms. Finished
runs are kept below `--root` and not repeated; remove their files to measure again. By how much models differ,
`benchmarks.live_differences` says.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import SEEDS, mean_std, read_rows, with_seeds, write_rows
from benchmarks.settings import settings
from benchmarks.variants import SINGLE
from tfx_pipelines.config import load_run_config
from tfx_pipelines.transformed import Transformed, transformed
from zoo.metrics import auc, gauc
from zoo.schema import Schema
from zoo.training import Scored, read_dataset, score_dataset, train

LOG = "live"
TASKS = ("click", "stay", "order")
# One generation after the other; each row with a name in `benchmarks.variants` is an ablation of the model that it begins with.
MODELS = ["lr", "lr-unweighted", "gbdt", "gbdt-unweighted", "mmoe", "double_sequence", "double_sequence-rooms",
          "double_sequence-products", "double_sequence-no-minutes", "double_sequence-shared-bottom",
          "double_sequence-waiting-is-no", "double_sequence-uncounted", f"double_sequence{SINGLE}", "hin", "hin-uncounted",
          "hin-no-paths", "hin-random-start", "hin-free", "hin-anchored", "hin-shared", "hin-dedicated", "hin-mean",
          "hin-expanded"]
# Beside the neighbours that `hin` looks up, those by which its product history is expanded.
NETWORK = load_run_config(LOG, ["neighbours.paths.near=item-user-item"], model="hin")


def measures(scored: Scored, group_key: str) -> dict[str, float]:
    """Metrics of the three tasks on a split of which all outcomes are known.

    Args:
        scored: labels, scores and truth of all rooms that were shown.
        group_key: that GAUC groups by.
    """
    groups = scored.keys[group_key]
    click, stay, order = (scored.scores[task] for task in TASKS)
    truth_click, truth_order = scored.truth["click"], scored.truth["order"]
    clicked, entered = scored.labels["click"], scored.weights["stay"] > 0
    ordered = clicked * scored.labels["order"]
    everyone = np.ones(len(click))
    return {
        "gauc_click": gauc(groups, clicked, click, everyone).value,
        "gauc_order": gauc(groups, ordered, click * order, everyone).value,
        "auc_order_of_clicks": auc(scored.labels["order"][entered], order[entered], everyone[entered]),
        "stay_error": float(np.sqrt(np.mean((stay - scored.labels["stay"])[entered] ** 2))),
        "click_gap": float(np.mean(np.abs(click - truth_click))),
        "order_gap": float(np.mean(np.abs(order - truth_order))),
        "stay_gap": float(np.mean(np.abs(stay - scored.marks["stay_truth"]))),
        "order_bias": float(np.mean(order[entered]) / np.mean(scored.labels["order"][entered]) - 1),
    }


def of_truth(scored: Scored) -> Scored:
    """The same rooms, scored by the truth: what no model can be above but by luck."""
    return dataclasses.replace(scored, scores={"click": scored.truth["click"], "stay": scored.marks["stay_truth"],
                                               "order": scored.truth["order"]})


def trained(data: Transformed, schema: Schema, name: str, seed: int) -> tuple[Scored, dict[str, float]]:
    """The test split by a model that was chosen on validation; its epoch and its size."""
    model, model_config, training = settings(LOG, name)
    if len(schema.labels) < len(TASKS):
        model_config = {setting: value for setting, value in model_config.items() if setting != "value"}
    result = train(model, schema, data.files["train"], data.files["validation"],
                   config=training.model_copy(update={"seed": seed}), model_config=model_config, assets=data.assets,
                   on_progress=lambda line: print(f"  {line}", flush=True))
    scored = score_dataset(result.model, read_dataset(schema, data.files["test"], 512, keys=True))
    return scored, {"best_epoch": result.best_epoch, "parameters": result.model.learned_numbers()}


def measure(data: Transformed, name: str, seed: int) -> tuple[dict[str, Any], Scored]:
    """One run of a row, and the test split by it: one model of all tasks, or one for each."""
    group_key = data.schema.group_key
    if not name.endswith(SINGLE):
        scored, of_model = trained(data, data.schema, name, seed)
        return {"test": measures(scored, group_key), "truth": measures(of_truth(scored), group_key), **of_model}, scored
    alone = {task: trained(data, data.schema.only([task]), name, seed) for task in TASKS}
    parts = {kind: {label: values for scored, _ in alone.values() for label, values in getattr(scored, kind).items()}
             for kind in ("labels", "weights", "scores", "truth")}
    scored = dataclasses.replace(alone["click"][0], **parts)
    models = [of_model for _, of_model in alone.values()]
    return {"test": measures(scored, group_key), "truth": measures(of_truth(scored), group_key),
            "parameters": float(sum(of_model["parameters"] for of_model in models)),
            "best_epoch": float(np.mean([of_model["best_epoch"] for of_model in models]))}, scored


def kept(root: Path, name: str, seed: int) -> Path:
    """The file of a finished run; beside it lies what the run said of the test split, as `.npz`."""
    return root / "runs" / f"{name}-{seed}.json"


def keep(done: Path, run: dict[str, Any], scored: Scored, group_key: str) -> None:
    """Writes a finished run: groups, outcomes and scores of the rooms of the test split, then its measures.

    Args:
        done: the file, of `kept`.
        run: its measures, which say that it is finished.
        scored: the test split.
        group_key: that GAUC groups by.
    """
    click = scored.labels["click"]
    done.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(done.with_suffix(".npz"), groups=np.unique(scored.keys[group_key], return_inverse=True)[1], click=click,
                        order=click * scored.labels["order"], click_score=scored.scores["click"],
                        order_score=scored.scores["click"] * scored.scores["order"])
    done.write_text(json.dumps(run, indent=1), encoding="utf-8")


def row(dataset: str, name: str, runs: list[dict[str, Any]], command: str) -> dict[str, Any]:
    """A line of the table: means over the seeds."""
    metrics = {metric: mean_std([run["test"][metric] for run in runs]) for metric in runs[0]["test"]}
    if "best_epoch" in runs[0]:
        metrics |= {"best_epoch": mean_std([run["best_epoch"] for run in runs], 1),
                    "parameters": mean_std([run["parameters"] for run in runs], 0)}
    return {"dataset": dataset, "protocol": "test split touched once, all orders known there; the epoch is chosen on "
            "validation by the first task's AUC", "model": name, "seeds": len(runs), "metrics": metrics, "command": command}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True, help="request log of simulated live rooms")
    parser.add_argument("--dataset", default=LOG, help=f"what the table calls the log (default: {LOG}); settings are those of "
                        f"the configuration {LOG}, whatever it is")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--root", type=Path, metavar="FOLDER",
                        help="for the transformed log and finished runs (default: runs/DATASET)")
    parser.add_argument("--out", default="docs/results/live.json")
    options = parser.parse_args()
    for name in options.models:
        settings(LOG, name)  # a wrong name is told before the first long run
    root, dataset = options.root or Path("runs", options.dataset), options.dataset
    data = transformed(options.log, root / "transformed", NETWORK)
    rows = {(one["dataset"], one["model"]): one for one in read_rows(options.out)}
    command = f"python -m benchmarks.live --log {options.log}" + ("" if dataset == LOG else f" --dataset {dataset}")
    for name in options.models:
        runs = []
        for seed in options.seeds:
            done = kept(root, name, seed)
            if not done.is_file():
                print(f"{name} seed {seed}", flush=True)
                keep(done, *measure(data, name, seed), data.schema.group_key)
            runs.append(json.loads(done.read_text(encoding="utf-8")))
        rows[dataset, name] = row(dataset, name, runs, f"{command} --models {name}" + with_seeds(options.seeds))
        rows[dataset, "truth"] = row(dataset, "truth", [{"test": runs[0]["truth"]}], command)
        print(name, {metric: value["mean"] for metric, value in rows[dataset, name]["metrics"].items()}, flush=True)
        write_rows(options.out, list(rows.values()))
    print(json.dumps({f"{log} {name}": one["metrics"]["gauc_click"]["mean"] for (log, name), one in rows.items()}))


if __name__ == "__main__":
    main()
