"""The rows of a table of samples that can't be used."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo import files
from zoo.data.importer.samples.table import SampleTable


class RejectedRows:
    """Rows that can't be used, with the reason.

    Args:
        table: where they stand, all of it read.
        parts: `file`, `row` (among those of the file that DuckDB can read) and `reason`, of each shard.
    """

    def __init__(self, table: SampleTable, parts: Sequence[pa.Table]):
        self.table = table
        rows = []
        for number in range(len(table.inputs)):
            unreadable = table.unreadable(number)
            for part in parts:
                of_file = part.filter(pc.equal(part["file"], number))
                rows.append(_rows(number, table.row_in_file(number, of_file["row"].to_numpy()), of_file["reason"]))
            rows.append(_rows(number, unreadable["row"].to_numpy(), unreadable["reason"]))
        found = pa.concat_tables(rows)
        self.rows = found.take(pc.sort_indices(found, sort_keys=[("file", "ascending"), ("row", "ascending")]))

    def reasons(self) -> dict[str, int]:
        """How many there are by reason, the most frequent first."""
        counts = {one["values"]: one["counts"] for one in pc.value_counts(self.rows["reason"]).to_pylist()}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def write(self, report: files.PathLike) -> None:
        """Writes them as CSV of file, row (from 1, without the header) and reason."""
        names = [one.name for one in self.table.inputs]
        with files.local_draft(report) as path, files.open_file(path, "w") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "row", "reason"])
            for batch in self.rows.to_batches():
                columns = batch.to_pydict()
                writer.writerows(zip([names[number] for number in columns["file"]], columns["row"], columns["reason"],
                                     strict=True))


def _rows(number: int, rows: np.ndarray, reasons: pa.ChunkedArray) -> pa.Table:
    return pa.table({"file": np.full(len(rows), number, np.int64), "row": rows.astype(np.int64),
                     "reason": reasons.cast(pa.string())})
