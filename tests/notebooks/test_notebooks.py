"""The numbered notebooks keep what they show."""

from __future__ import annotations

import nbformat
import pytest

from website.execute_notebooks import LARGEST
from website.notebooks import NOTEBOOKS


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem[0].isdigit()], ids=lambda path: path.stem)
def test_a_notebook_keeps_what_it_shows(path):
    notebook = nbformat.read(path, as_version=4)
    assert path.stat().st_size <= LARGEST
    assert notebook.cells[0].source.startswith(f"# {path.stem[0]}. ") and "At the end you know" in notebook.cells[0].source
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run `make notebooks`"
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs and not any(output.output_type == "error" for output in outputs)
