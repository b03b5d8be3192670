"""Runs a notebook's cells in this process, with parameters of its own and without a kernel."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib
import matplotlib.pyplot as plt
import nbformat

from website.notebooks import NOTEBOOKS


def execute(name: str, folder: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Runs all cells from top to bottom, and looks at what it drew.

    Args:
        name: of the notebook's file.
        folder: what stands in `FOLDER`.
        parameters: other names of the cell that is tagged `parameters`, and what stands in them.

    Returns:
        The notebook's variables.
    """
    matplotlib.use("Agg")
    parameters, names = {"FOLDER": str(folder), **parameters}, {}
    with _interactive():
        for number, cell in enumerate(nbformat.read(NOTEBOOKS[0].parent / f"{name}.ipynb", as_version=4).cells):
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{name}, cell {number}", "exec"), names)
                if "parameters" in cell.metadata.get("tags", ()):
                    assert set(parameters) <= set(names), "a parameter of the notebook has another name"
                    names.update(parameters)
    for axes in (axes for number in plt.get_fignums() for axes in plt.figure(number).axes):
        assert axes.get_label() == "<colorbar>" or axes.get_title() and axes.get_xlabel(), f"{name}: a picture without titles"
    plt.close("all")
    return names


@contextmanager
def _interactive() -> Iterator[None]:
    """As in IPython, where alone TFX's interactive context does something, and reads flags from the kernel's arguments."""
    arguments = ["ipykernel_launcher.py", "-f", "kernel.json"]
    with mock.patch.object(builtins, "__IPYTHON__", True, create=True), mock.patch.object(sys, "argv", arguments):
        yield
