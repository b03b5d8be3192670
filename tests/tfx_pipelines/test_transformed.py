"""A log transformed for models that are trained by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.data.simulator import SimulatorConfig, write_simulated_log

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from tfx_pipelines.transformed import transformed; print(transformed(*sys.argv[1:]).files['train'])"


@pytest.mark.slow
def test_two_programs_that_want_the_same_share_it(tmp_path):
    write_simulated_log(SimulatorConfig(requests=200, users=20), tmp_path / "log")
    both = [subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path / "log", tmp_path / "root"], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [program.communicate(timeout=600) for program in both]
    assert [program.returncode for program in both] == [0, 0], said
    first, second = (output.splitlines() for output, _ in said)
    assert first[-1] == second[-1] != "[]", "what one made, the other found"
    waited = [line for line in first + second if line.endswith("waiting until it ends")]
    assert waited and f"another run works in {tmp_path / 'root'} (process " in waited[0]
    stages = list((tmp_path / "root" / "Transform" / "transformed_examples").iterdir())
    assert len(stages) == 1, "and it was made once"
