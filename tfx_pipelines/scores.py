"""What the Trainer leaves beside the model: the score of every candidate of the test split, and how the epochs went."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from zoo import files

if TYPE_CHECKING:
    from zoo.training import Scored

SCORES = "test_scores.npz"
HISTORY = "training.json"
_KINDS = ("labels", "scores", "weights", "truth", "keys", "marks")


def write_scores(folder: str, scored: Scored) -> None:
    """Writes `test_scores.npz`, one array a column by the name `kind/name`.

    Args:
        folder: URI of the model run.
        scored: the test split.
    """
    columns = {f"{kind}/{name}": values for kind in _KINDS for name, values in getattr(scored, kind).items()}
    buffer = io.BytesIO()  # numpy seeks while it writes, which remote files can't
    np.savez_compressed(buffer, **columns)
    with files.open_file(files.join(folder, SCORES), "wb") as file:
        file.write(buffer.getvalue())


def read_columns(path: str) -> dict[str, dict[str, np.ndarray]]:
    """The inverse: by kind (`labels`, `scores`, `weights`, `truth`, `keys`, `marks`) and name, the values of all candidates.

    Args:
        path: URI of the file.
    """
    columns: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in _KINDS}
    with files.open_file(path, "rb") as file:
        with np.load(io.BytesIO(file.read())) as stored:
            for key in stored.files:
                kind, name = key.split("/", 1)
                columns[kind][name] = stored[key]
    return columns
