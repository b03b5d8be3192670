"""What a row of a table beside the events says, as SQL over its own columns, and what makes it unusable."""

from __future__ import annotations

from zoo.data.importer.cells import Cells
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.sources import Source, literal, quote
from zoo.data.importer.sql import texts
from zoo.data.importer.tables import SideTable
from zoo.data.importer.timeline import TIME_BITS

# Beside the features, which have no such names: whose row it is, and from when it holds.
KEY, SINCE = "_key", "_since"
# What held before 1970 held from the beginning, and what will hold after all events never does.
BOUNDED = f"least(greatest({SINCE}, 0), {(1 << TIME_BITS) - 1})"


def side_table(config: ImportConfig, table: SideTable) -> str:
    """Name of a table in the database."""
    return f"side_{config.tables.index(table)}"


class TableReader:
    """The columns of a table and the checks of a row.

    Args:
        config: of the import.
        source: the file.
        table: says what the columns mean.

    Raises:
        EventLogError: the file lacks a column.
    """

    def __init__(self, config: ImportConfig, source: Source, table: SideTable):
        self.source, self.table, self.cells = source, table, Cells(
            source, config, [table.key, *(feature.source for feature in table.features if feature.kind == "id")])
        named = {"key": table.key, "time": table.time, **{feature.name: feature.source for feature in table.features}}
        named |= {f"where {column}": column for column in table.where}
        self.cells.check({meaning: column for meaning, column in named.items() if column})
        self.key = self.cells.text(table.key) if table.key else "''"
        self.moment = self.cells.moment(table.time) if table.time else "0"

    def select(self) -> str:
        """SQL of the rows, with `reason`: why a row can't be used, NULL where it can."""
        checks = [(f"{self.key} IS NULL", literal(f"no {self.table.of}")),
                  (f"{self.moment} IS NULL OR isnan({self.moment})", literal("time can not be read")),
                  (f"abs({self.moment}) > 1e18", literal("time can not be read"))]
        checks += [self.cells.no_number(feature.source) for feature in self.table.features if feature.kind == "number"]
        reason = f"CASE {' '.join(f'WHEN {condition} THEN {because}' for condition, because in checks)} END"
        since = f"TRY_CAST(floor({self.moment}) + {self.table.delay} AS BIGINT)"
        wanted = [f"coalesce({self.cells.text(column)} IN {texts(values)}, false)"
                  for column, values in self.table.where.items()]
        values = {"wanted": " AND ".join(wanted) or "true", "reason": reason, KEY: self.key, SINCE: since,
                  **{feature.name: self.cells.value(feature) for feature in self.table.features}}
        named = ", ".join(f"{value} AS {quote(name)}" for name, value in values.items())
        return f"SELECT {named} FROM {self.cells.relation()}"
