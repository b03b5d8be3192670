"""A Flink of two TaskManagers, each with a network and workers of its own, makes what this machine's processes make."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.flink.session_cluster import missing


def test_a_pipeline_runs_on_flink_and_survives_a_killed_task_manager(tmp_path):
    if lacking := missing():
        pytest.skip(f"no session cluster can run here: {lacking}")
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.flink.proof", str(tmp_path)], text=True,
                          cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-6000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["vocabularies"] and found["neighbours"] and found["log"], found
    assert found["restarts"] >= 1, "Flink did not notice that a TaskManager was killed: the job was over before"
    here, there = found["auc"]
    assert there == pytest.approx(here, abs=0.01)
