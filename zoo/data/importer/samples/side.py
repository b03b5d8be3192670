"""The table of items beside the samples, as it is read."""

from __future__ import annotations

from collections import Counter

import duckdb
import pyarrow as pa

from zoo.data.importer.inputs import opened
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.places import RowPlace
from zoo.data.importer.samples.raw import RawTable
from zoo.data.importer.samples.table import SampleTable


def read_catalogue(db: duckdb.DuckDBPyConnection, config: SamplesConfig, folder: str, notes: Counter[str]) -> RawTable | None:
    """All rows of the catalogue that a configuration names.

    Args:
        db: where they are read.
        config: of the import.
        folder: for copies.
        notes: gets how many rows can't be read.
    """
    catalogue = config.catalogue
    if catalogue is None:
        return None
    needed = {catalogue.key: "catalogue.key"} | ({catalogue.time: "catalogue.time"} if catalogue.time else {})
    needed |= {name: f"catalogue {feature.name}" for feature in catalogue.features for name in feature.columns}
    with opened(catalogue.paths, folder) as inputs:
        table = SampleTable(db, inputs, catalogue.files, needed, folder)
        batches = [batch for number in range(len(inputs)) for batch in table.batches(number)]
        notes["catalogue_rows_that_can_not_be_read"] = sum(len(table.unreadable(number)) for number in range(len(inputs)))
    own = config.model_copy(update={"files": catalogue.files})
    return RawTable(own, pa.Table.from_batches(batches).combine_chunks(), lambda row: RowPlace(catalogue.paths[0], row + 1))
