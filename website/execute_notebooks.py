"""Executes the notebooks from top to bottom and keeps their outputs, small: `make notebooks`.

What libraries log, when a cell ran and which Python it was is left away: a notebook that is executed again differs only where
its results do.

    python -m website.execute_notebooks [NAME ...]
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from website.notebooks import NOTEBOOKS

LARGEST = 300_000  # bytes
# Lines of TensorFlow's log, and of a run's progress.
NOISE = re.compile(r"^(?:(?:INFO|WARNING|ERROR):.*|\[ *\d+/\d+\] .*|)(?:\n|\Z)", re.M)


def execute(path: Path) -> None:
    """Runs a notebook in its folder and writes it with its outputs.

    Raises:
        CellExecutionError: a cell failed; the notebook stays as it was.
        ValueError: its outputs are too large to be kept.
    """
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    clean(notebook)
    text = nbformat.writes(notebook)
    if len(text.encode()) > LARGEST:
        raise ValueError(f"{path.name} has {len(text.encode()):,} bytes with its outputs; at most {LARGEST:,} are kept")
    path.write_text(text + "\n", encoding="utf-8")


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leaves away what is of the machine and not of the results: logs, progress with its seconds, times, versions."""
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec",) if key in notebook.metadata}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _tells(output)]


def _tells(output: nbformat.NotebookNode) -> bool:
    """Whether an output says something, without the lines of it that don't."""
    if output.output_type == "stream":
        output.text = "" if output.name == "stderr" else NOISE.sub("", output.text)
        return bool(output.text.strip())
    data = output.get("data", {})
    if output.output_type != "display_data" or "image/png" in data:
        return True
    return bool(NOISE.sub("", data.get("text/plain", "")).strip())


def main() -> None:
    # Kernels are processes of their own: they find the packages of this repository by the path.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for path in [path for path in NOTEBOOKS if not sys.argv[1:] or path.stem in sys.argv[1:]]:
        print(path.name, flush=True)
        execute(path)


if __name__ == "__main__":
    main()
