"""A log transformed for models that are trained by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfx_pipelines.runners.lock import only_run
from zoo.data.simulator import SimulatorConfig, write_simulated_log

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from tfx_pipelines.transformed import transformed; print(transformed(*sys.argv[1:]).files['train'])"


@pytest.mark.slow
def test_two_programs_that_want_the_same_share_it(tmp_path):
    write_simulated_log(SimulatorConfig(requests=200, users=20), tmp_path / "log")
    with only_run(tmp_path / "root"):  # so that both are there when the work begins
        both = [subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path / "log", tmp_path / "root"], cwd=ROOT, text=True,
                                 stdout=subprocess.PIPE) for _ in range(2)]
        waiting = [program.stdout.readline() for program in both]
    said = [program.communicate(timeout=600)[0].splitlines() for program in both]
    assert [program.returncode for program in both] == [0, 0]
    assert all(f"another run works in {tmp_path / 'root'} (process {os.getpid()} since" in line for line in waiting)
    assert said[0][-1] == said[1][-1] != "[]", "what one made, the other found"
    made = list((tmp_path / "root" / "Transform" / "transformed_examples").iterdir())
    assert len(made) == 1, "and it was made once"
