"""What a day leaves to the next one: vocabularies with their days, moments and buckets of numbers, and statistics.

An artifact `DayVocabularies` holds `vocabulary_SPACE` (one id a line, in the order of the rows), `rows.npz` (where each row was
before), `growth.json` (what happened, for the report) and `state/`, which travels with the model in `assets.extra/day`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo import files
from zoo.model_files import DAY

STATE, GROWTH, ROWS, NUMBERS, STATISTICS = "state", "growth.json", "rows.npz", "numbers.json", "statistics.pb"
# As StatisticsGen has it.
STATS_FILE = "FeatureStats.pb"
# Where a model carries the state of the day that it has learned last.
IN_MODEL = DAY


def vocabulary_name(space: str) -> str:
    """Name of the vocabulary file of an id space."""
    return f"vocabulary_{space}"


def state_of(model: str) -> str | None:
    """The folder of the state that a model carries; None where it carries none."""
    folder = files.join(model, IN_MODEL)
    return folder if files.is_file(files.join(folder, NUMBERS)) else None


def write_rows(path: str, rows: Mapping[str, np.ndarray]) -> None:
    """Writes where each row of a table was before, by space."""
    buffer = io.BytesIO()
    np.savez(buffer, **rows)
    with files.open_file(path, "wb") as file:
        file.write(buffer.getvalue())


def read_rows(path: str) -> dict[str, np.ndarray]:
    """The inverse of `write_rows`."""
    with files.open_file(path, "rb") as file, np.load(io.BytesIO(file.read())) as stored:
        return {name: stored[name] for name in stored.files}


def read_json(path: str) -> Any:
    """What a file of JSON says."""
    return json.loads(files.read_text(path))
