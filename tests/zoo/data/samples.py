"""The documented layouts of tables of samples, with invented rows."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from zoo.config import parse
from zoo.data.importer import SamplesConfig, import_samples, load_import_config
from zoo.data.request import Request
from zoo.data.request_log import SPLITS, RequestLog

DOCS = Path(__file__).parents[3] / "docs/data.md"


def documented(name: str) -> str:
    """A configuration of the docs, as it stands there."""
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", DOCS.read_text(encoding="utf-8"), re.M)
    found = [textwrap.dedent(block).strip("\n") for block in blocks if f"kind: samples\n    name: {name}\n" in block]
    assert len(found) == 1, f"the docs have {len(found)} configurations of {name}"
    return found[0] + "\n"


def settings(**values: Any) -> SamplesConfig:
    base = {"name": "shop", "columns": {"user": "user"}, "candidates": [{"name": "item", "role": "item"}],
            "splits": {"column": "split"}}
    return parse(SamplesConfig, base | values)


def run_documented(folder: Path, name: str, files: list[Path]) -> RequestLog:
    """Imports by a configuration of the docs, which lies in the folder."""
    (folder / f"{name}.yaml").write_text(documented(name), encoding="utf-8")
    config = load_import_config(folder / f"{name}.yaml")
    assert isinstance(config, SamplesConfig)
    return import_samples(config, files, folder / "log")


def run(folder: Path, table: dict[str, Any] | list[str] | pa.Table, **values: Any) -> RequestLog:
    """Imports a table: columns of a Parquet file, or lines of a text; without a column `split` its rows are in turn of each."""
    if isinstance(table, list):
        path = folder / "samples.csv"
        path.write_text("".join(f"{line}\n" for line in table), encoding="utf-8")
    else:
        path = folder / "samples.parquet"
        table = table if isinstance(table, pa.Table) else pa.table(table)
        if "split" not in table.column_names and "splits" not in values:
            table = table.append_column("split", pa.array([SPLITS[row % 3] for row in range(len(table))]))
        pq.write_table(table, path)
    return import_samples(settings(**values), [path], folder / "log")


def requests_of(log: RequestLog) -> list[Request]:
    """All requests, in the order of the splits."""
    return [request for split in SPLITS for request in log.requests(split)]


def by_row(log: RequestLog) -> list[Request]:
    """Requests that are called by their row, in the order of the table."""
    return sorted(requests_of(log), key=lambda request: int(request.request_id[1:]))


__all__ = ["SPLITS", "by_row", "documented", "requests_of", "run", "run_documented", "settings", "yaml"]
