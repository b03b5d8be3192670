"""Values of a table as ids, numbers, truths and moments, by DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset

from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.ragged import one_array
from zoo.data.importer.sources import literal
from zoo.data.importer.sql import moment_of, no_number, number_of, text_of, truth_of

Meaning = Literal["text", "number", "double", "truth", "moment"]


class Cast(NamedTuple):
    """Values of one column.

    Args:
        values: binary, missing ones ""; float32 or float64, missing ones NaN; for a moment int64.
        bad: which values are there and can't be used; None where all can.
    """

    values: pa.Array
    bad: np.ndarray | None = None


class Caster:
    """Reads values as they are meant.

    Args:
        config: says what is missing, and how times are written.
    """

    def __init__(self, config: SamplesConfig):
        self.config, self.missing = config, config.files.missing
        self.db = duckdb.connect()
        self.db.execute(f"SET TimeZone={literal(config.time_zone)}; SET threads=1; SET enable_progress_bar=false")

    def __call__(self, values: pa.Array, meaning: Meaning) -> Cast:
        """Reads one column."""
        return self.all({"value": (values, meaning)})["value"]

    def all(self, columns: Mapping[str, tuple[pa.Array, Meaning]]) -> dict[str, Cast]:
        """Reads columns of the same length in one go."""
        if not columns:
            return {}
        names = [f"v{number}" for number in range(len(columns))]
        table = pa.table([array for array, _ in columns.values()], names=names)
        self.db.register("given", dataset.dataset(table))  # DuckDB takes no tables of older versions of Arrow
        try:
            kinds = {row[0]: row[1] for row in self.db.execute("DESCRIBE given").fetchall()}
            wanted: list[str] = []
            for name, (_, meaning) in zip(names, columns.values(), strict=True):
                value, bad = self._sql(name, kinds[name], meaning)
                wanted += [f"{value} AS {name}"] + ([f"{bad} AS bad_{name}"] if bad else [])
            found = self.db.sql(f"SELECT {', '.join(wanted)} FROM given").to_arrow_table()
        finally:
            self.db.unregister("given")
        return {key: self._cast(found, name, meaning) for name, (key, (_, meaning)) in zip(names, columns.items(), strict=True)}

    def hashed(self, texts: pa.Array, seed: int) -> np.ndarray:
        """A number from 0 to 1 for each text, evenly spread and the same everywhere."""
        self.db.register("given", dataset.dataset(pa.table({"text": texts})))
        try:
            found = self.db.sql(f"SELECT md5_number_lower(text || '-{seed}') AS lot FROM given").to_arrow_table()
        finally:
            self.db.unregister("given")
        return one_array(found["lot"]).to_numpy().astype(np.float64) * 2.0**-64

    def fingerprints(self, table: pa.Table) -> dict[str, np.ndarray]:
        """A number for each value of each column, lists among them; equal values have equal ones."""
        names = [f"v{number}" for number in range(table.num_columns)]
        self.db.register("given", dataset.dataset(table.rename_columns(names)))
        try:
            found = self.db.sql(f"SELECT {', '.join(f'hash({name}) AS {name}' for name in names)} FROM given").to_arrow_table()
        finally:
            self.db.unregister("given")
        return {key: one_array(found[name]).to_numpy() for key, name in zip(table.column_names, names, strict=True)}

    def _sql(self, name: str, kind: str, meaning: Meaning) -> tuple[str, str | None]:
        cell = (name, kind, self.missing)
        if meaning == "text":
            return text_of(*cell), None
        if meaning == "truth":
            return f"CAST({truth_of(*cell)} AS FLOAT)", f"({text_of(*cell)} IS NOT NULL AND {truth_of(*cell)} IS NULL)"
        if meaning == "moment":
            moment = moment_of(text_of(*cell), self.config)
            return f"CASE WHEN isfinite({moment}) THEN {moment} END", None
        return number_of(*cell, to="FLOAT" if meaning == "number" else "DOUBLE"), no_number(*cell)

    @staticmethod
    def _cast(found: pa.Table, name: str, meaning: Meaning) -> Cast:
        column = one_array(found[name])
        if meaning == "text":
            return Cast(pc.fill_null(column.cast(pa.binary()), b""))
        values = pc.fill_null(column, float("nan"))
        bad = found[f"bad_{name}"].to_numpy() if f"bad_{name}" in found.column_names else None
        return Cast(values, bad if bad is not None and bad.any() else None)
