"""The notebook runs, cell by cell, on a real run."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tfx_pipelines.run import run_pipeline

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore_a_run.ipynb"


@pytest.mark.slow
def test_every_cell_runs(ran, config, log):
    run_pipeline(config)  # another test may have run another model in the same root since
    names: dict = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            code = cell.source.replace('"../runs/demo/din"', repr(str(config.root)))
            code = code.replace('"../runs/demo/log"', repr(str(log.path)))
            exec(compile(code, NOTEBOOK.name, "exec"), names)
    assert len(names["scores"].numpy()[0]) == 8
