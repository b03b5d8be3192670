"""`make kubeflow-proof` ends with the version that was pushed, and that answered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_every_step_of_the_compiled_pipeline_runs():
    done = subprocess.run([sys.executable, "-m", "tests.kubeflow.proof"], cwd=Path(__file__).parents[2], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-6000:]
    assert done.stdout.splitlines()[-1].isdigit(), done.stdout[-2000:]
