"""Measured tables as JSON: `{"rows": [{dataset, protocol, model, seeds, metrics: {name: {mean, std}}, command}]}`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = [1, 2, 3]
KEYS = {"dataset", "protocol", "model", "seeds", "metrics", "command"}


def write_rows(path: str | Path, rows: list[dict[str, Any]]) -> None:
    """Writes a table, checking its form."""
    for row in rows:
        if set(row) != KEYS:
            raise ValueError(f"a row has the keys {sorted(row)}; expected {sorted(KEYS)}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a table; an absent one has none."""
    path = Path(path)
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


def with_seeds(seeds: list[int]) -> str:
    """The option that a command needs for these seeds."""
    return "" if seeds == SEEDS else " --seeds " + " ".join(map(str, seeds))


def mean_std(values: list[float], digits: int = 4) -> dict[str, float]:
    """Mean and sample standard deviation (0 for a single value)."""
    return {"mean": round(float(np.mean(values)), digits),
            "std": round(float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, digits)}
