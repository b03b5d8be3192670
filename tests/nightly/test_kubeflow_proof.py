"""`make kubeflow-proof` and `make kubeflow-pods` end with the version that was pushed, and that answered."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kubernetes.programs import missing


def proof(*words: str) -> str:
    """What it printed; the last line is the version."""
    done = subprocess.run([sys.executable, "-m", "tests.kubeflow.proof", *words], cwd=Path(__file__).parents[2], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-6000:]
    assert done.stdout.splitlines()[-1].isdigit(), done.stdout[-2000:]
    return done.stdout


def test_every_step_of_the_compiled_pipeline_runs():
    proof()


def test_every_step_of_the_compiled_pipeline_runs_as_a_pod():
    if lacking := missing():
        pytest.skip(f"no cluster can run here: {lacking}")
    printed = proof("--pods")
    assert re.search(r"^12 steps were pods, on node1, node2$", printed, re.MULTILINE), printed[-2000:]
