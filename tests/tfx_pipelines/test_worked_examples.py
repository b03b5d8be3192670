"""Worked examples of docs/data.md from the raw file to the served model, whose replayed scores are the trainer's; and what of
it comes from the cache."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.zoo.data.samples import documented
from tests.zoo.data.test_documented_imports import EXAMPLES, write_shop
from tests.zoo.data.test_sample_layouts import din_table, write
from zoo.data.request_log import RequestLog

pytestmark = pytest.mark.slow


def events(folder: Path) -> Path:
    """Impressions with all that is added to them: histories, labels, tables, context, counters and sessions."""
    write_shop(folder)
    (folder / "import.yaml").write_text("".join(textwrap.dedent(text) for text in EXAMPLES.values()), encoding="utf-8")
    return folder / "events.csv"


def impressions(folder: Path) -> Path:
    """Samples of one row an impression, with list columns."""
    (folder / "import.yaml").write_text(documented("din"), encoding="utf-8")
    pq.write_table(din_table(), folder / "din.parquet")
    return folder / "din.parquet"


def requests(folder: Path) -> Path:
    """Samples of one row a request, its candidates in one cell, with a catalogue beside them."""
    (folder / "import.yaml").write_text(documented("mind"), encoding="utf-8")
    write(folder / "news.tsv", [f"N{item}\t{'sports' if item % 2 else 'news'}\tsub{item % 3}\tTitle {item}\t\t\t[]\t[]"
                                for item in range(12)])
    return write(folder / "behaviors.tsv", [
        f"{number}\tU{number % 9}\t11/{12 + number % 4}/2019 {1 + number % 11}:00:00 PM\t"
        f"{' '.join(f'N{(number + step) % 12}' for step in range(number % 4))}\t"
        f"{' '.join(f'N{(number + place) % 12}-{int(place == number % 3)}' for place in range(4))}" for number in range(160)])


@pytest.mark.parametrize("example", [events, impressions, requests], ids=lambda one: one.__name__)
def test_an_example_is_imported_trained_and_served(tmp_path, command, example):
    raw = example(tmp_path)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({
        "data": {"raw": [str(raw)], "config": str(tmp_path / "import.yaml")}, "model": {"name": "din"},
        "training": {"epochs": 1}, "gate": {"auc": 0.0, "gauc": 0.0, "max_drop": 1.0},
        "serving": {"replay_requests": 20}}), encoding="utf-8")
    output, code = command("run", tmp_path / "run.yaml", "--root", tmp_path / "root")
    assert code == 0, output
    report = json.loads((tmp_path / "root/report.json").read_text(encoding="utf-8"))
    [log] = (tmp_path / "root/RawLogExampleGen/examples").glob("*/log")
    assert RequestLog(log).manifest["rejected"] == {} and report["serving"]["requests_replayed"] > 0
    assert report["serving"]["max_abs_diff"] <= 1e-5
    assert (tmp_path / "root/serving/din" / str(report["pushed_version"]) / "saved_model.pb").is_file()
    assert not any(stage["cached"] for stage in report["stages"])
    if example is events:
        command("run", tmp_path / "run.yaml", "--root", tmp_path / "root")
        again = json.loads((tmp_path / "root/report.json").read_text(encoding="utf-8"))
        assert {"RawLogExampleGen", "Transform", "Trainer"} <= {stage["name"] for stage in again["stages"] if stage["cached"]}
