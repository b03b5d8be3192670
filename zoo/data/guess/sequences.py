"""Columns of lists: behaviour sequences, candidates of a request, and features with several values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.data.guess.look import Column
from zoo.data.guess.names import feature_name, likeness, worded
from zoo.data.guess.roles import Roles

# Values that a sequence must share with a candidate's column to have the same ids.
_SHARED = 0.3
_LONG = 5


class Sequences:
    """Divides the columns with several values.

    Args:
        roles: what columns mean.
        candidates: columns of candidates and their entries in the configuration.
        source: what a column is called in the configuration.
        listed: whether candidates are lists, too.

    Attributes:
        found: entries for `sequences`.
        why: of each field.
        several: features with several values, and with `listed` further features of candidates, `of_candidates`.
        left: names of columns that were left out.
    """

    def __init__(self, roles: Roles, candidates: list[tuple[Column | None, dict[str, Any]]], source: Callable[[Column], str],
                 listed: bool):
        self.candidates, self.source = candidates, source
        self.found: list[dict[str, Any]] = []
        self.why: list[str] = []
        self.several: list[Column] = []
        self.of_candidates: list[Column] = []
        self.left: list[str] = []
        used = {column.name for column, _ in candidates if column}
        lengths = _lengths(roles.labels[0]) if listed and not roles.page else None
        groups: list[list[Column]] = []
        for column in roles.sequences:
            if column.name in used:
                continue
            if lengths is not None and _lengths(column) == lengths:
                self.several.append(column)
                self.of_candidates.append(column)
            elif not self._is_sequence(column):
                self.several.append(column)
            else:
                group = next((one for one in groups if _together(one[0], column)), None)
                if group:
                    group.append(column)
                else:
                    groups.append([column])
        lasts = [column for column in roles.others if column.whole and worded(column.name).endswith(("length", "_len"))]
        for group in groups:
            self._add(group, [column for column in lasts if _counts(column, group[0])])
        roles.others = [column for column in roles.others if column.name not in self.lengths]

    @property
    def lengths(self) -> set[str]:
        """Names of columns that say how long a sequence is."""
        return {entry["length"] for entry in self.found if "length" in entry}

    def _is_sequence(self, column: Column) -> bool:
        if column.named and likeness(column.name, "sequence"):
            return True
        longest = max(map(len, _cells(column)), default=0)
        return (longest >= _LONG or not column.named) and self._match(column) is not None

    def _match(self, column: Column) -> dict[str, Any] | None:
        """The candidate's feature whose ids stand in a column."""
        values = {part for cell in _cells(column) for part in cell if part not in ("", "0")}
        best, score = None, _SHARED
        for candidate, entry in self.candidates:
            if candidate is None or entry.get("kind") == "number":
                continue
            ids = set(candidate.counts)
            if (cells := candidate.cells) and cells.labelled:
                ids = {part.rsplit(cells.within, 1)[0] for text in ids for part in text.split(cells.separator)}
            # A name tells where the same numbers stand in several columns.
            told = {entry["name"], entry["name"][:4], worded(candidate.name)} if candidate.named else set()
            likely = len(values & ids) / max(len(values), 1) + 0.5 * any(one in worded(column.name) for one in told)
            if likely > score:
                best, score = entry, likely
        return best

    def _add(self, group: list[Column], lengths: list[Column]) -> None:
        first = group[0]
        entry: dict[str, Any] = {"name": "history" if not self.found else feature_name(self.source(first)), "fields": []}
        for column in group:
            field = self._field(column, {one["name"] for one in entry["fields"]})
            if field is None:
                self.left.append(column.name)
            else:
                entry["fields"].append(field)
        if not entry["fields"]:
            return
        cells = first.cells
        if cells and not first.is_list:
            entry["separator"] = cells.separator
            if cells.within:
                entry |= {"column": self.source(first), "field_separator": cells.within}
                own = entry["fields"][0]
                own.pop("column", None)
                entry["fields"] = [own, *({"name": f"field_{place}"} for place in range(2, cells.parts + 1))]
        if lengths:
            entry["length"] = lengths[0].name
        elif _padded(first):
            entry["padding"] = "0"
            self.why.append(f"{first.name} is as long in every row, with 0 at its ends: that is padding.")
        if self.found:
            entry["role"] = "other"
        self.found.append(entry)

    def _field(self, column: Column, taken: set[str]) -> dict[str, Any] | None:
        name = worded(column.name)
        if "gap" in name.split("_") and column.numeric:
            return {"name": "gap", "column": self.source(column), "kind": "number", "role": "time_gap",
                    "transform": "log_zscore"}
        if column.numeric and column.named and (likeness(column.name, "time") or name.endswith(("_ts", "time", "timestamps"))):
            self.why.append(f"{column.name} is left out: times of events; seconds before the request would be a feature "
                            "(role time_gap).")
            return None
        match = self._match(column)
        if match and match["name"] not in taken:
            self.why.append(f"{column.name} has the ids of candidates' {match['name']}.")
            return {"name": match["name"], "column": self.source(column)} | ({"role": match["role"]} if "role" in match else {})
        field = {"name": feature_name(self.source(column)), "column": self.source(column)}
        return field | ({"kind": "number"} if column.numeric and not column.whole else {})


def lists_of(roles: Roles) -> dict[str, Column]:
    """The candidates' columns by meaning, where candidates are lists as long as that of the label."""
    lengths = _lengths(roles.labels[0])
    lists = [column for column in roles.sequences if _lengths(column) == lengths]
    found: dict[str, Column] = {}
    for meaning in ("item", "category", "brand", "shop", "price"):
        fits = [column for column in lists if column not in found.values() and likeness(column.name.removesuffix("s"), meaning)]
        if fits:
            found[meaning] = max(fits, key=lambda column: likeness(column.name.removesuffix("s"), meaning))
    return found


def _cells(column: Column) -> list[list[str]]:
    """The values of each cell."""
    if column.is_list:
        return [value if isinstance(value, list) else [value] for value in column.known]
    cells = column.cells
    if cells is None:
        return [[value] for value in column.known]
    split = [value.split(cells.separator) for value in column.known]
    return [[part.split(cells.within)[0] for part in row] for row in split] if cells.within else split


def _lengths(column: Column) -> list[int]:
    mark = column.cells.separator if column.cells else None
    return [0 if value is None else len(value) if isinstance(value, list) else len(value.split(mark)) if mark else 1
            for value in column.values]


def _together(one: Column, other: Column) -> bool:
    """Whether two columns are fields of the same events: as long in every row, and written alike."""
    alike = (one.cells.separator if one.cells else None) == (other.cells.separator if other.cells else None)
    return alike and _lengths(one) == _lengths(other)


def _counts(column: Column, sequence: Column) -> bool:
    """Whether a column says how many events of a sequence are real."""
    rows = [(int(length), row) for length, row in zip(column.values, sequence.values, strict=True)
            if length is not None and isinstance(row, list)]
    return bool(rows) and all(length <= len(row) for length, row in rows) and all(
        value not in ("0", "") for length, row in rows for value in row[:length])


def _padded(column: Column) -> bool:
    """Whether a list is always as long, with zeros at an end of many rows."""
    cells = _cells(column)
    ends = sum(row[0] == "0" or row[-1] == "0" for row in cells if row)
    return len({len(row) for row in cells}) == 1 and len(cells[0]) > 1 and ends > 0.1 * len(cells)
