"""The memory of an import: bounded, and said to be too small where it is, without blaming the log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.zoo.data.test_faults import TABLE, command, shop
from tests.zoo.data.test_importer import START, write
from zoo.data.importer import database, timeline
from zoo.data.importer.shard_files import SHARD, write_shards
from zoo.data.importer.timeline import Timeline, write_timeline


@pytest.mark.parametrize("kind", ["events", "samples"])
def test_too_little_memory_is_said_and_the_file_is_not_blamed(tmp_path, monkeypatch, kind):
    given = []
    monkeypatch.setattr(f"zoo.data.importer.{'' if kind == 'events' else 'samples.'}"
                        f"{'events' if kind == 'events' else 'importer'}.connected",
                        lambda folder, memory, zone: given.append(memory) or database.connected(folder, 1, zone))
    rows = [f"u{k // 3 % 97},s{k // 3},{START + k * 60},click,i{k % 311},c{k % 7}" for k in range(30_000)]
    settings = tmp_path / "table.yaml"
    settings.write_text(TABLE, encoding="utf-8")
    done = command("import", write(tmp_path / "events.csv", rows), "--out", tmp_path / "log", "--memory", 64,
                   "--config", shop(tmp_path) if kind == "events" else settings)
    said = f"{type(done.exception).__name__}: {done.exception}"
    assert said.startswith(f"ImportMemoryError: {tmp_path}: the rows can not be sorted there within 64 MiB"), said
    assert "--memory 256" in said and "events.csv" not in said and "mend it" not in said
    assert given == [64] and sorted(one.name for one in tmp_path.iterdir()) == sorted(
        ["events.csv", "table.yaml", *(["shop.yaml"] if kind == "events" else [])])


def test_a_full_disk_below_the_database_is_not_said_to_be_its_memory(tmp_path, monkeypatch):
    def connected(folder: str, memory: int, zone: str) -> duckdb.DuckDBPyConnection:
        db = database.connected(folder, 24, zone)
        db.execute("SET max_temp_directory_size='1MiB'")
        return db

    monkeypatch.setattr("zoo.data.importer.events.connected", connected)
    rows = [f"u{k // 3 % 97},s{k // 3},{START + k * 3},click,i{k % 311},c{k % 7}" for k in range(60_000)]
    done = command("import", write(tmp_path / "events.csv", rows), "--out", tmp_path / "log", "--config", shop(tmp_path))
    said = f"{type(done.exception).__name__}: {done.exception}"
    assert said.startswith(f"FileError: {tmp_path}: there is no space left"), said


def test_a_database_takes_a_quarter_of_a_small_machine(monkeypatch):
    for machine, memory in ((64_000, 256), (1_024, 256), (512, 128), (100, 96)):
        monkeypatch.setattr("zoo.data.importer.database.memory_mib", lambda machine=machine: machine)
        assert database.default_memory_mib() == memory


def test_what_divides_a_log_does_not_load_tensorflow():
    """It takes half a gigabyte beside the database; the processes that make requests have it alone."""
    code = "import sys, zoo.data.importer.importer, zoo.data.importer.samples.importer; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, encoding="utf-8")
    assert done.stdout == "False\n", done.stderr[-2000:]


@pytest.mark.parametrize("events", [0, 1, 4_096])
def test_moments_of_a_file_are_found_as_those_in_memory(tmp_path, monkeypatch, events):
    rng = np.random.default_rng(0)
    keys, times = np.sort(rng.integers(0, 9, events)) * 3, rng.integers(1_000, 1_100, events)
    order = np.lexsort((times, keys))
    pq.write_table(pa.table({"key": keys[order], "time": times[order]}), tmp_path / "events.parquet")
    monkeypatch.setattr(timeline, "_BLOCK", 100)
    write_timeline(str(tmp_path / "line"), str(tmp_path / "events.parquet"))
    stored, whole = Timeline.load(str(tmp_path / "line")), Timeline.of(keys[order], times[order])
    asked, at = rng.integers(-1, 28, 500), rng.integers(990, 1_110, 500)
    for some in (slice(None), slice(0)):
        for name, given in (("counts", ([at[some] - 40, np.zeros_like(at[some])], at[some])), ("last", (at[some],)),
                            ("first", (at[some], at[some] + 20))):
            found, right = (getattr(line, name)(asked[some], *given) for line in (stored, whole))
            assert np.array_equal(found, right), name
    assert all(np.array_equal(*pair) for pair in zip(stored.events(), whole.events(), strict=True))


def test_rows_of_shards_are_divided_batch_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.data.importer.shard_files._BATCH", 2_048)
    paths = [str(tmp_path / f"{shard}.parquet") for shard in range(6)]
    with duckdb.connect() as db:
        write_shards(db, f"SELECT range AS row, CAST([1, 1, 3, 4][1 + range // 2500] AS INTEGER) AS {SHARD} FROM range(10000)",
                     paths)
    found = [pq.read_table(path)["row"].to_numpy() for path in paths]
    assert [len(rows) for rows in found] == [0, 5_000, 0, 2_500, 2_500, 0]
    assert (np.concatenate(found) == np.arange(10_000)).all()
