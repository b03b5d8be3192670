"""The notebooks run from top to bottom, one after the other in one folder, as small as they can; and keep what they show."""

from __future__ import annotations

import builtins
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest

from website.execute_notebooks import LARGEST
from website.notebooks import NOTEBOOKS

# In this order: later ones open what earlier ones made. The smallest sizes that have all that they look at.
PARAMETERS = {
    "2_train_interactively": {"REQUESTS": 1_600, "EPOCHS": 1},
    "1_explore_a_log": {},
    "3_compare_models": {"EPOCHS": 1},
    "5_explain_a_ranking": {"REQUESTS": 60},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_notebook_runs(name, folder, monkeypatch):
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)  # TFX's context does nothing elsewhere
    matplotlib.use("Agg")
    parameters, names = {"FOLDER": str(folder), **PARAMETERS[name]}, {}
    for number, cell in enumerate(nbformat.read(NOTEBOOKS[0].parent / f"{name}.ipynb", as_version=4).cells):
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}, cell {number}", "exec"), names)
            if "parameters" in cell.metadata.get("tags", ()):
                assert set(parameters) <= set(names), "a parameter of the notebook has another name"
                names.update(parameters)
    assert plt.get_fignums(), "it draws something"
    for axes in (axes for number in plt.get_fignums() for axes in plt.figure(number).axes):
        assert axes.get_label() == "<colorbar>" or axes.get_title() and axes.get_xlabel(), f"{name}: a picture without titles"
    plt.close("all")


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem[0].isdigit()], ids=lambda path: path.stem)
def test_a_notebook_keeps_what_it_shows(path):
    notebook = nbformat.read(path, as_version=4)
    assert path.stem in PARAMETERS and path.stat().st_size <= LARGEST
    assert notebook.cells[0].source.startswith(f"# {path.stem[0]}. ") and "At the end you know" in notebook.cells[0].source
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run `make notebooks`"
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs and not any(output.output_type == "error" for output in outputs)
