"""Says which measured results miss their targets.

    python -m benchmarks.targets

Targets, with their tolerances and reasons, stand in docs/results/targets.json beside the results. The last line is a JSON
object: how many targets there are and how many are met, how many mutations of the code the tests were tried with and how many
they noticed (`make mutate`), and the best AUC of a model without trees on REES46.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Literal

from benchmarks.results import read_rows
from benchmarks.tables import RESULTS
from zoo.config import Config, ConfigError, parse

BEST_NEURAL = "rees46-best-neural-auc"


class Rows(Config):
    """Which rows of a table.

    Args:
        dataset: of this data set; None for any.
        model: of this model; None for any.
        without: but not of these models.
    """

    dataset: str | None = None
    model: str | None = None
    without: tuple[str, ...] = ()

    def of(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of a table."""
        return [row for row in rows if self.dataset in (None, row["dataset"]) and self.model in (None, row["model"])
                and row["model"] not in self.without]


class Target(Config):
    """A value that a result should have.

    Args:
        name: of the target.
        file: the table, a file of docs/results without its suffix.
        rows: which of its rows.
        metric: which of their metrics; its mean over seeds counts.
        over: the value is the ratio to the metric of this one row.
        take: of several rows, `every` one counts, or the `best`.
        target: the value.
        tolerance: how far it may be missed, for what was measured with noise.
        direction: whether more is better, or less.
        why: where the target comes from.
    """

    name: str
    file: str
    rows: Rows
    metric: str
    over: Rows | None = None
    take: Literal["every", "best"] = "every"
    target: float
    tolerance: float = 0.0
    direction: Literal["at_least", "at_most"] = "at_least"
    why: str

    def value(self, folder: Path = RESULTS) -> float:
        """What was measured: of the row that counts, the worst one or the best; NaN where nothing was."""
        table = read_rows(folder / f"{self.file}.json")
        values = [row["metrics"][self.metric]["mean"] for row in self.rows.of(table) if self.metric in row["metrics"]]
        if not values:
            return math.nan
        value = max(values) if (self.direction == "at_least") == (self.take == "best") else min(values)
        if self.over is None:
            return value
        base = self.over.of(table)
        if len(base) != 1:
            raise ConfigError(f"targets.json: {self.name}: `over` must name one row of {self.file}.json; it names {len(base)}")
        return value / base[0]["metrics"][self.metric]["mean"]

    def met(self, value: float) -> bool:
        """Whether a value is good enough; what was not measured is not."""
        if self.direction == "at_least":
            return value >= self.target - self.tolerance
        return value <= self.target + self.tolerance

    def wanted(self) -> str:
        """In words."""
        tolerance = f" (± {self.tolerance:g})" if self.tolerance else ""
        return f"{self.direction.replace('_', ' ')} {self.target:g}{tolerance}"


class Targets(Config):
    """The list.

    Args:
        targets: with names of their own.
    """

    targets: tuple[Target, ...]


def load(path: Path = RESULTS / "targets.json") -> tuple[Target, ...]:
    """Reads the list.

    Raises:
        ConfigError: a key is wrong.
    """
    return parse(Targets, json.loads(path.read_text(encoding="utf-8")), path.name).targets


def report(targets: tuple[Target, ...], folder: Path = RESULTS) -> tuple[list[str], dict[str, float | None]]:
    """One line for each target, and the summary.

    Args:
        targets: the list.
        folder: of the results.
    """
    found = {target.name: target.value(folder) for target in targets}
    met = {target.name: target.met(found[target.name]) for target in targets}
    lines = [f"{'met ' if met[target.name] else 'FELL'}  {target.name:38} {found[target.name]:<10.5g} {target.wanted()}"
             + ("" if met[target.name] else f": {target.why}") for target in targets]
    path = folder / "mutations.json"
    mutations = json.loads(path.read_text(encoding="utf-8"))["mutations"] if path.is_file() else []
    best = found.get(BEST_NEURAL, math.nan)
    return lines, {"targets": len(targets), "passed": sum(met.values()), "mutations": len(mutations),
                   "killed": sum(bool(mutation["killed_by"]) for mutation in mutations),
                   "rees46_best_neural_auc": None if math.isnan(best) else best}


def main() -> None:
    lines, summary = report(load())
    print("\n".join(lines))
    print(json.dumps(summary))
    sys.exit(summary["passed"] < summary["targets"] or summary["killed"] < summary["mutations"])


if __name__ == "__main__":
    main()
