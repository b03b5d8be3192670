"""Writes the Markdown tables of the docs from docs/results/*.json.

A table stands between `<!-- table: FILE -->` and `<!-- end -->`; `<!-- table: FILE DATASET -->` has the models of one dataset,
best first, and `<!-- table: FILE DATASET MODEL -->` one model with its ablations. A model's own rows stand between
`<!-- results: MODEL -->` and `<!-- end -->`; what the tests were tried with, between `<!-- mutations -->` and `<!-- end -->`;
what was done to the fleet on a Kubernetes, between `<!-- kubernetes -->` and `<!-- end -->`.

    make tables
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.results import read_rows
from benchmarks.variants import VARIANTS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as Markdown, mean ± standard deviation where there are several seeds, and the commands below."""
    if not rows:
        return "Not measured yet.\n"
    metrics = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    head = ["dataset", "model", "seeds", *metrics]
    lines = ["| " + " | ".join(name.replace("_", " ") for name in head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    for row in rows:
        cells = [_cell(row["metrics"].get(name)) for name in metrics]
        lines.append("| " + " | ".join([row["dataset"], row["model"], str(row["seeds"]), *cells]) + " |")
    datasets: dict[str, list[str]] = {}
    for row in rows:
        datasets.setdefault(row["protocol"], []).append(row["dataset"])
    protocols = [text if len(datasets) == 1 else f"{', '.join(dict.fromkeys(names))}: {text}"
                 for text, names in datasets.items()]
    commands = dict.fromkeys(_command(row) for row in rows)
    return "\n".join(lines) + "\n\nProtocol. " + "; ".join(protocols) + ".\nMeasured by " + ", ".join(
        f"`{command}`" for command in commands) + ".\n"


def mutation_table() -> str:
    """The changes of the code that `make mutate` tried, and which test noticed each."""
    path = RESULTS / "mutations.json"
    if not path.is_file():
        return "The whole list has not been run yet on this code: `make mutate` writes the table.\n"
    rows = json.loads(path.read_text(encoding="utf-8"))["mutations"]
    lines = ["| file | what the code then does | noticed by |", "| --- | --- | --- |"]
    lines += [f"| `{row['file']}` | {row['means']} | {f'`{_test(row)}`' if row['killed_by'] else 'nothing'} |" for row in rows]
    killed = sum(bool(row["killed_by"]) for row in rows)
    return "\n".join(lines) + f"\n\n{killed} of {len(rows)} were noticed. Measured by `make mutate`.\n"


def fault_table() -> str:
    """What was done to a server, what came of it, and the test that shows it."""
    rows = json.loads((RESULTS / "faults.json").read_text(encoding="utf-8"))["faults"]
    lines = ["| fault | what happens | test |", "| --- | --- | --- |"]
    lines += [f"| {row['fault']} | {row['outcome']} | `{row['test'].rpartition('/')[2]}` |" for row in rows]
    return "\n".join(lines) + "\n"


def kubernetes_table() -> str:
    """What was done to the fleet on a Kubernetes, what came of it, and what callers saw meanwhile."""
    path = RESULTS / "kubernetes.json"
    if not path.is_file():
        return "Not run yet: `make kubernetes-proof` writes the figures.\n"
    rows = json.loads(path.read_text(encoding="utf-8"))["checks"]
    lines = ["| what was done | what came of it | calls meanwhile | failed |", "| --- | --- | --- | --- |"]
    lines += [f"| {row['done']} | {row['outcome']} | " + " | ".join(
        "–" if row[name] is None else f"{row[name]:,}" for name in ("calls", "failed")) + " |" for row in rows]
    return "\n".join(lines) + "\n\nMeasured by `make kubernetes-proof`.\n"


def chosen(rows: list[dict[str, Any]], dataset: str | None = None, model: str | None = None) -> list[dict[str, Any]]:
    """The rows of a dataset by their first metric, best first: of all models, of one with its ablations, or of those ablations
    of all models whose names end so."""
    if dataset is None:
        return rows
    def wanted(name: str) -> bool:
        if model is None:
            return name not in VARIANTS
        return model in (name, VARIANTS.get(name, ("",))[0]) or name.endswith(f"-{model}")

    found = [row for row in rows if row["dataset"] == dataset and wanted(row["model"])]
    return sorted(found, key=lambda row: -next(iter(row["metrics"].values()))["mean"])


def fill(text: str) -> str:
    """A document with its tables written anew."""
    def named(match: re.Match[str]) -> str:
        rows = chosen(read_rows(RESULTS / f"{match[2]}.json"), *match[3].split())
        return f"{match[1]}\n{table(rows)}<!-- end -->"

    def of_model(match: re.Match[str]) -> str:
        # One table for each benchmark and kind of measure: in one of all, most cells would be empty.
        alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for path in sorted(RESULTS.glob("[clr]*.json")):
            for row in read_rows(path):
                if row["model"] == match[2]:
                    alike.setdefault((path.name, next(iter(row["metrics"]))), []).append(row)
        tables = "\n".join(table(rows) for rows in alike.values()) or table([])
        return f"{match[1]}\n{tables}<!-- end -->"

    text = re.sub(r"(<!-- mutations -->).*?<!-- end -->", lambda match: f"{match[1]}\n{mutation_table()}<!-- end -->", text,
                  flags=re.S)
    text = re.sub(r"(<!-- faults -->).*?<!-- end -->", lambda match: f"{match[1]}\n{fault_table()}<!-- end -->", text,
                  flags=re.S)
    text = re.sub(r"(<!-- kubernetes -->).*?<!-- end -->", lambda match: f"{match[1]}\n{kubernetes_table()}<!-- end -->", text,
                  flags=re.S)
    text = re.sub(r"(<!-- table: (\w+)((?: \w+){0,2}) -->).*?<!-- end -->", named, text, flags=re.S)
    return re.sub(r"(<!-- results: (\w+) -->).*?<!-- end -->", of_model, text, flags=re.S)


def documents() -> list[Path]:
    """Every document that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "zoo/models/cards").glob("*.md"))]


def main() -> None:
    for path in documents():
        if path.is_file() and (new := fill(path.read_text(encoding="utf-8"))) != path.read_text(encoding="utf-8"):
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


def _command(row: dict[str, Any]) -> str:
    """The command of a row; the name of the model or of the pair is left open, so that a table of many has one command."""
    name = re.escape(row["model"])
    return re.sub(rf'(?<=--pairs )"{name}"', "PAIR", re.sub(rf"(?<=--models ){name}(?= |$)", "MODEL", row["command"]))


def _test(row: dict[str, str]) -> str:
    """The test that noticed a mutation, without its folder and parameters."""
    return row["killed_by"].rpartition("/")[2].partition("[")[0]


def _cell(value: dict[str, float] | None) -> str:
    if value is None:
        return ""
    def number(part: float) -> str:
        return f"{part:,.0f}" if part >= 10_000 else f"{part:g}"

    return number(value["mean"]) + (f" ± {number(value['std'])}" if value["std"] else "")


if __name__ == "__main__":
    main()
